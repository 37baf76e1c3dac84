/**
 * What tasks of pools cost, under the built agent, on every Node: five times the CPU time is five times the joules, a task that is parked costs nothing that could be
 * told, nothing is said of tasks that a worker has at once, and together they are no more than their worker's thread.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { NodeBinary } from '../support/nodes.ts';
import { type Observed, observe } from '../support/observe.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const { present, missing } = await findTestedNodes();
const PROGRAM = fileURLToPath(new URL('../fixtures/pools/energy.cjs', import.meta.url));
const ENV = {
  GRIDWATCH_POWER_IDLE_W: '2',
  GRIDWATCH_POWER_MAX_W: '10',
  GRIDWATCH_EXIT_TIMEOUT_MS: '10000',
  GRIDWATCH_LOG: 'off',
  OTEL_LOGS_EXPORTER: 'none',
};

/** Joules of the tasks' spans, by what the tasks did; NaN for a task whose span says nothing. */
type Joules = Readonly<Record<string, readonly number[]>>;

async function run(
  node: NodeBinary,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ joules: Joules; observed: Observed }> {
  const { result, observed } = await observe({ args: [PROGRAM, ...args], node, env: { ...ENV, ...env } });
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  const kinds = JSON.parse(result.stdout) as Record<string, string>;
  const joules: Record<string, number[]> = {};
  for (const { name, parentSpanId, attributes } of observed.spans) {
    const kind = kinds[parentSpanId];
    if (!name.startsWith('task ') || kind === undefined) continue;
    const { 'gridwatch.span.energy': energyJ = Number.NaN } = attributes;
    joules[kind] = [...(joules[kind] ?? []), energyJ as number];
  }
  expect(Object.values(joules).flat()).toHaveLength(Object.keys(kinds).length);
  return { joules, observed };
}

const isTold = (energyJ: number): boolean => !Number.isNaN(energyJ);
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const median = (values: readonly number[] = []): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

describe.each(missing)('without a Node to run on', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

describe.runIf(process.platform === 'linux').each(present)('on Node $version', (node) => {
  /* Of workers that take their tasks by messages, where a message's context is active: not by default on Node 22. */
  const context = node.major === 22 ? { GRIDWATCH_CONTEXT: 'on' } : {};

  it.each([
    ['piscina', {}],
    ['tinypool', {}],
    ['workerpool', context],
    ['poolifier', context],
  ])('a task of %s costs what it has used', async (pool, env) => {
    const { joules, observed } = await run(node, [pool], env);
    for (const kind of ['spin 20', 'spin 100', 'halves 100', 'fail 100'])
      expect(joules[kind]?.every(isTold)).toBe(true);
    const short = median(joules['spin 20']);
    const long = median(joules['spin 100']);
    expect(long / short).toBeGreaterThan(4);
    expect(long / short).toBeLessThan(6);
    /* Asynchronous ones to the end, failed ones as others. */
    expect(median(joules['halves 100']) / long).toBeGreaterThan(0.8);
    expect(median(joules['halves 100']) / long).toBeLessThan(1.3);
    expect(median(joules['fail 100']) / long).toBeGreaterThan(0.8);
    expect(median(joules['fail 100']) / long).toBeLessThan(1.3);
    /* The first one has the agent look up where the thread is parked. */
    expect(isTold(joules['park 100']?.at(-1) ?? 0)).toBe(false);
    const threadJ = observed.sum('gridwatch.thread.energy', { 'thread.name': 'worker-1' }) ?? Number.NaN;
    const tasksJ = total(Object.values(joules).flat().filter(isTold));
    expect(tasksJ / threadJ).toBeGreaterThan(0.8);
    expect(tasksJ / threadJ).toBeLessThan(1.05);
  });

  it.each(['crowded', 'poolifier'])('nothing is said of tasks that a worker of %s has at once', async (pool) => {
    const { joules } = await run(node, [pool, 'together'], context);
    expect(Object.values(joules).flat().some(isTold)).toBe(false);
  });
});

describe.runIf(process.platform === 'linux').each(present.slice(0, 1))('on one Node', (node) => {
  it('tasks that come one after the other have their energy, also where a worker may have several', async () => {
    const { joules } = await run(node, ['crowded']);
    expect(joules['spin 100']?.every(isTold)).toBe(true);
  });

  it('is not told where energy is switched off', async () => {
    const { joules } = await run(node, ['piscina'], { GRIDWATCH_FEATURES: '-energy' });
    expect(Object.values(joules).flat().some(isTold)).toBe(false);
  });
});
