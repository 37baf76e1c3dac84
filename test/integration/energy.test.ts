/** Energy of a program under the built agent: what is delivered adds up, two threads that do the same have the same, and it is no more than there was. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BUILT_REGISTER_FILE, type Observed, observe } from '../support/observe.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/apps/energy.cjs', import.meta.url));
const CPU_MS = 3000;
const IDLE_W = 2;
const MAX_W = 10;
/** A sum of doubles that are each a whole number of microjoules. */
const ROUNDING_J = 1e-9;

function joules(observed: Observed, thread: string): number {
  return observed.sum('gridwatch.thread.energy', { 'thread.name': thread }) ?? Number.NaN;
}

describe.runIf(process.platform === 'linux')('the energy of a program', () => {
  it('is divided among its threads without a rest, and two that do the same have the same', async () => {
    const beganMs = performance.now();
    const { result, observed } = await observe({
      args: [PROGRAM, String(CPU_MS)],
      registerFile: BUILT_REGISTER_FILE,
      env: {
        GRIDWATCH_POWER_IDLE_W: String(IDLE_W),
        GRIDWATCH_POWER_MAX_W: String(MAX_W),
        GRIDWATCH_CARBON_INTENSITY: '360',
        GRIDWATCH_EXIT_TIMEOUT_MS: '10000',
      },
    });
    const lastedS = (performance.now() - beganMs) / 1e3;
    expect(result.exitCode).toBe(0);
    const of = (component: string): number =>
      observed.sum('gridwatch.process.energy', { 'gridwatch.energy.component': component }) ?? Number.NaN;
    const threads = observed.series('gridwatch.thread.energy').map(({ value }) => value);
    expect(Math.abs(threads.reduce((sum, value) => sum + value, 0) - of('active'))).toBeLessThan(ROUNDING_J);
    expect(Math.abs(joules(observed, 'left') / joules(observed, 'right') - 1)).toBeLessThan(0.02);
    expect(of('active')).toBeGreaterThan(0);
    expect(of('idle')).toBeGreaterThan(0);
    expect(of('idle')).toBeLessThanOrEqual(IDLE_W * lastedS);
    expect(of('active') + of('idle')).toBeLessThanOrEqual(MAX_W * lastedS);
    const [{ attributes } = { attributes: {} }] = observed.series('gridwatch.process.energy');
    expect(attributes).toMatchObject({ 'gridwatch.energy.source': 'model:tdp', 'gridwatch.energy.boundary': 'wall' });
    /* 360 g a kWh are 100 ug a joule. */
    expect(observed.sum('gridwatch.process.carbon')).toBeCloseTo((of('active') + of('idle')) * 1e-4, 9);
  });

  it('is not told where it is switched off', async () => {
    const env = { GRIDWATCH_FEATURES: '-energy', GRIDWATCH_EXIT_TIMEOUT_MS: '10000' };
    const { observed } = await observe({ args: [PROGRAM, '100'], registerFile: BUILT_REGISTER_FILE, env });
    expect(observed.series('gridwatch.process.energy')).toEqual([]);
    expect(observed.series('gridwatch.thread.cpu.time')).not.toEqual([]);
  });
});
