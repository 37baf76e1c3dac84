/** The watts that a user may give: those with which the model has something to say. */
import { describe, expect, it } from 'vitest';

import { resolveConfig } from '../../../agent/config/resolve.ts';

const DEFAULTS = resolveConfig({}).config;

describe('a number of watts', () => {
  it('that is idle is ignored, and the maximum too, unless it is less', () => {
    const { config, problems } = resolveConfig({ GRIDWATCH_POWER_IDLE_W: '90', GRIDWATCH_POWER_MAX_W: '30' });
    expect(config).toEqual(DEFAULTS);
    expect(problems.map(({ message }) => message)).toEqual([
      'GRIDWATCH_POWER_IDLE_W: 90 is ignored (expected less than GRIDWATCH_POWER_MAX_W, which is 30 W; both are ignored); it stays unset',
    ]);
    expect(resolveConfig({ GRIDWATCH_POWER_IDLE_W: '30', GRIDWATCH_POWER_MAX_W: '30' }).problems).toHaveLength(1);
    expect(resolveConfig({ GRIDWATCH_POWER_IDLE_W: '30' }, { powerMaxW: 90 }).problems).toEqual([]);
  });

  it.each(['0', '0.05', '-1', '100001'])(
    'that is the greatest is not %s, with which all energies would be nothing',
    (given) => {
      const { config, problems } = resolveConfig({ GRIDWATCH_POWER_MAX_W: given });
      expect(config).toEqual(DEFAULTS);
      expect(problems.map(({ message }) => message)).toEqual([
        `GRIDWATCH_POWER_MAX_W: "${given}" is ignored (expected a number from 0.1 to 100000 W); it stays unset`,
      ]);
    },
  );
});
