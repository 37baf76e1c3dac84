/** The control group of a real process, as the collector is told of it: whatever kind of group the tests happen to run in. */
import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Observed, observe } from '../support/observe.ts';

const path =
  process.platform === 'linux' ? /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] : undefined;
const folder = path === undefined ? '' : `/sys/fs/cgroup${path === '/' ? '' : path}`;
const isInGroup = existsSync(`${folder}/cgroup.type`);
const pressureFile = isInGroup ? `${folder}/cpu.pressure` : path === '/' ? '/proc/pressure/cpu' : '';

function totalS(file: string): number {
  return Number(/^some .*total=(\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1]) / 1e6;
}

let observed: Observed;
beforeAll(async () => {
  const env = { GRIDWATCH_LOG: 'off', GRIDWATCH_EXIT_TIMEOUT_MS: '20000' };
  ({ observed } = await observe({ args: ['-e', '0'], env }));
});

describe('the control group', () => {
  it.skipIf(!existsSync(pressureFile))('has the pressure that the kernel says', () => {
    const sought = { 'gridwatch.pressure.resource': 'cpu', 'gridwatch.pressure.kind': 'some' };
    const toldS = observed.sum('gridwatch.pressure.time', sought) ?? 0;
    expect(toldS).toBeGreaterThan(0);
    expect(toldS).toBeLessThanOrEqual(totalS(pressureFile));
    expect(toldS).toBeGreaterThan(totalS(pressureFile) - 60);
  });

  it.skipIf(isInGroup)('is not made up where there is none', () => {
    expect(observed.metrics.filter(({ name }) => /^container\.|quota|throttled|memory\.limit/.test(name))).toEqual([]);
    const sought = { 'gridwatch.feature': 'container', 'gridwatch.reason': 'unsupported_platform' };
    expect(observed.sum('gridwatch.agent.feature.disabled', sought)).toBe(1);
  });

  it.skipIf(!existsSync(`${folder}/memory.current`))('has the memory that the kernel says', () => {
    const bytes = Number(readFileSync(`${folder}/memory.current`, 'utf8'));
    expect(observed.sum('container.memory.usage')).toBeGreaterThan(bytes / 10);
  });
});
