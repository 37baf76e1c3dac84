/** The public function is the model, loaded when it is asked. */
import { expect, test } from 'vitest';
import { estimatePower as ofModel } from '../../agent/agent-thread/energy/power-model.ts';
import type { PowerModelInput } from '../../agent/config/power-estimate.ts';
import { GridwatchError } from '../../agent/errors.ts';
import { estimatePower } from '../../agent/index.ts';

test('estimatePower of the package answers as the model does', () => {
  const input = { vendor: 'AuthenticAMD', family: 26, model: 2, logicalCpus: 8, utilization: 3 / 8 };
  expect(estimatePower(input)).toEqual(ofModel(input));
});

test('its errors are those of the package', () => {
  const wrong = { logicalCpus: 8, utilization: 2 } as PowerModelInput;
  expect(() => estimatePower(wrong)).toThrow(GridwatchError);
});
