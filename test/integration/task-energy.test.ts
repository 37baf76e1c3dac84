/**
 * What tasks of pools cost, under the built agent, on every Node: five times the CPU time is five times the joules, a task that is parked costs next to nothing,
 * nothing is said of tasks that a worker has at once, and together they cost no more than their worker's thread.
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
  const { result, observed } = await observe({
    args: [PROGRAM, ...args],
    node,
    env: { ...ENV, ...env },
    deadlineMs: 60_000,
  });
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
const median = (values: readonly number[] = []): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

describe.each(missing)('without a Node to run on', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

const POOLS = ['piscina', 'tinypool', 'workerpool', 'poolifier'] as const;
/* Their sole worker has one task at a time, and is given the next one as soon as it has answered. */
const ROWS = ['piscina/together', 'tinypool/together', 'workerpool/together'] as const;
/* The first of these may have several tasks at once, and is given them one after the other. */
const CROWDS = ['crowded', 'crowded/together', 'poolifier/together'] as const;

describe.runIf(process.platform === 'linux').each(present)('on Node $version', (node) => {
  it('a task costs what it has used', async () => {
    /* Workers that are told of tasks by messages: where the context of a message is active, so not by default on Node 22. */
    const env = node.major === 22 ? { GRIDWATCH_CONTEXT: 'on' } : {};
    const { joules, observed } = await run(node, POOLS, env);
    for (const pool of POOLS) {
      const short = median(joules[`${pool} spin 20`]);
      const long = median(joules[`${pool} spin 100`]);
      expect(long / short).toBeGreaterThan(4);
      expect(long / short).toBeLessThan(6);
      /* Asynchronous ones to the end, failed ones as others. */
      for (const like of ['halves', 'fail']) {
        expect(median(joules[`${pool} ${like} 100`]) / long).toBeGreaterThan(0.8);
        expect(median(joules[`${pool} ${like} 100`]) / long).toBeLessThan(1.3);
      }
      expect(joules[`${pool} nothing 0`]?.some(isTold)).toBe(false);
      /* To fall asleep and wake up takes some machines about a millisecond; with the first one the agent looks up where the thread is parked. */
      const parked = joules[`${pool} park 100`]?.at(-1) ?? long;
      expect(isTold(parked) && parked > long / 20).toBe(false);
    }
    for (const [kind, values] of Object.entries(joules))
      if (!/ park | nothing /.test(kind)) expect(values.every(isTold)).toBe(true);
    expect(observed.sum('gridwatch.agent.dropped')).toBe(0);
  });

  it('a task costs what it has used where others wait for its worker as well', async () => {
    const { joules } = await run(node, ROWS, node.major === 22 ? { GRIDWATCH_CONTEXT: 'on' } : {});
    for (const row of ROWS) {
      for (const ms of [20, 100]) expect(joules[`${row} spin ${ms}`]?.every(isTold)).toBe(true);
      const ratio = median(joules[`${row} spin 100`]) / median(joules[`${row} spin 20`]);
      expect(ratio).toBeGreaterThan(4);
      expect(ratio).toBeLessThan(6);
    }
  });

  it('nothing is said of tasks that a worker has at once', async () => {
    const { joules } = await run(node, CROWDS, node.major === 22 ? { GRIDWATCH_CONTEXT: 'on' } : {});
    const of = (part: string): number[] =>
      Object.entries(joules).flatMap(([kind, values]) => (kind.startsWith(part) ? values : []));
    expect(of('crowded/together ').some(isTold) || of('poolifier/together ').some(isTold)).toBe(false);
    expect(of('crowded spin ').every(isTold)).toBe(true);
  });

  it('the tasks of a sole worker cost no more than its thread, and not much less', async () => {
    const { joules, observed } = await run(node, ['piscina/long']);
    const tasksJ = Object.values(joules).flat().filter(isTold);
    const threadJ = observed.sum('gridwatch.thread.energy', { 'thread.name': 'worker-1' }) ?? Number.NaN;
    const share = tasksJ.reduce((sum, value) => sum + value, 0) / threadJ;
    expect(share).toBeGreaterThan(0.8);
    expect(share).toBeLessThan(1.05);
  });
});

describe.runIf(process.platform === 'linux').each(present.slice(0, 1))('on one Node', (node) => {
  it('is not told where energy is switched off', async () => {
    const { joules } = await run(node, ['piscina'], { GRIDWATCH_FEATURES: '-energy' });
    expect(Object.values(joules).flat().some(isTold)).toBe(false);
  });
});
