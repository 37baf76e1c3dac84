/** The two settings of carbon, of which one means nothing without the other. */
import { expect, it } from 'vitest';
import { resolveConfig } from '../../../agent/config/resolve.ts';

it('ignores embodied carbon without an intensity, for then there is no carbon', () => {
  const { config, problems } = resolveConfig({ GRIDWATCH_CARBON_EMBODIED: '5' });
  expect(config).toEqual(resolveConfig({}).config);
  expect(problems.map(({ message }) => message)).toEqual([
    'GRIDWATCH_CARBON_EMBODIED: 5 is ignored (expected GRIDWATCH_CARBON_INTENSITY beside it: without one there is no carbon metric); it stays unset',
  ]);
  expect(resolveConfig({ GRIDWATCH_CARBON_EMBODIED: '5' }, { carbonIntensity: 0 })).toMatchObject({
    config: { carbonEmbodied: 5, carbonIntensity: 0 },
    problems: [],
  });
});
