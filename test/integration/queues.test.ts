/** Queues and connection pools under the built agent, on every Node: the program sees what it sees without, and what is delivered is what it knows of them. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { NodeBinary } from '../support/nodes.ts';
import { BUILT_REGISTER_FILE, type Observed, observe } from '../support/observe.ts';
import { runNode } from '../support/run-node.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const { present, missing } = await findTestedNodes();

/** What the program knows of a library's queue: bounds, in milliseconds. */
interface Known {
  readonly responseMs: { readonly least: number; readonly most: number };
  readonly mostWaitMs: number;
  readonly leastServiceMs: number;
}

/** Two clocks with the same ticks, read as numbers of different units. */
const ROUNDING_MS = 1e-3;

const COUNTERS = ['arrivals', 'completions', 'rejections', 'aborts'] as const;

/** In the order of their places in the program. */
const EXPECTED: readonly (readonly [string, string, Record<(typeof COUNTERS)[number], number>])[] = [
  ['fastq', 'task_queue', { arrivals: 5, completions: 5, rejections: 0, aborts: 0 }],
  ['fastq', 'task_queue', { arrivals: 3, completions: 3, rejections: 0, aborts: 0 }],
  ['p-queue', 'task_queue', { arrivals: 4, completions: 3, rejections: 0, aborts: 1 }],
  ['async', 'task_queue', { arrivals: 3, completions: 3, rejections: 0, aborts: 0 }],
  ['async', 'task_queue', { arrivals: 3, completions: 3, rejections: 0, aborts: 0 }],
  ['async', 'task_queue', { arrivals: 2, completions: 2, rejections: 0, aborts: 0 }],
  ['bottleneck', 'task_queue', { arrivals: 3, completions: 3, rejections: 1, aborts: 0 }],
  ['generic-pool', 'connection_pool', { arrivals: 3, completions: 3, rejections: 1, aborts: 0 }],
  ['tarn', 'connection_pool', { arrivals: 3, completions: 2, rejections: 0, aborts: 1 }],
];

const pathOf = (file: string): string => fileURLToPath(new URL(`../fixtures/apps/${file}`, import.meta.url));

/** The names of its queues, by the line at which they are made. */
function namesOf(observed: Observed): string[] {
  const series = observed.series('gridwatch.queue.arrivals');
  const names = series.map(({ attributes }) => attributes['gridwatch.queue.name'] as string);
  const ours = names.filter((name) => name.includes('queues-run.cjs:'));
  return ours.toSorted((a, b) => Number(a.split(':').at(-1)) - Number(b.split(':').at(-1)));
}

describe.each(missing)('without a Node to run on', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

describe.each(present)('on Node $version', (node: NodeBinary) => {
  it.each([[['queues.cjs']], [['queues.mjs']], [['queues.cjs', 'worker']], [['queues.mjs', 'worker']]])(
    '%j: the same for the program, and counted',
    async ([file = '', ...rest]) => {
      const args = [pathOf(file), ...rest];
      const [without, { result, observed }] = await Promise.all([
        runNode({ args, node }),
        observe({ args, node, registerFile: BUILT_REGISTER_FILE, env: { GRIDWATCH_EXIT_TIMEOUT_MS: '10000' } }),
      ]);
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      const lines = result.stdout.trimEnd().split('\n');
      const known = JSON.parse(lines.pop() ?? '') as Record<string, Known>;
      expect(lines).toEqual(without.stdout.trimEnd().split('\n').slice(0, -1));
      expect(lines).toHaveLength(10);

      const names = namesOf(observed);
      const found = names.map((name) => {
        const sought = { 'gridwatch.queue.name': name };
        const kind = observed.series('gridwatch.queue.arrivals', sought)[0]?.attributes['gridwatch.queue.kind'];
        const counts = COUNTERS.map((counter) => [counter, observed.sum(`gridwatch.queue.${counter}`, sought)]);
        return [name.split('@')[0], kind, Object.fromEntries(counts)];
      });
      expect(found).toEqual(EXPECTED);
      for (const name of names) {
        const sought = { 'gridwatch.queue.name': name };
        expect(observed.sum('gridwatch.queue.size', sought)).toBe(0);
        const completions = observed.sum('gridwatch.queue.completions', sought);
        expect(observed.count('gridwatch.queue.wait.duration', sought)).toBe(completions);
        expect(observed.count('gridwatch.queue.service.duration', sought)).toBe(completions);
      }
      for (const [library, { responseMs, mostWaitMs, leastServiceMs }] of Object.entries(known)) {
        const sought = { 'gridwatch.queue.name': names.find((name) => name.startsWith(`${library}@`)) ?? '' };
        const sumMs = (metric: string): number =>
          observed.series(metric, sought).reduce((sum, { histogram }) => sum + (histogram?.sum ?? 0) * 1e3, 0);
        const waitMs = sumMs('gridwatch.queue.wait.duration');
        const serviceMs = sumMs('gridwatch.queue.service.duration');
        expect(serviceMs).toBeGreaterThanOrEqual(leastServiceMs - ROUNDING_MS);
        expect(waitMs + serviceMs).toBeGreaterThanOrEqual(responseMs.least - ROUNDING_MS);
        /* One more client has borrowed from that pool, and is not among those that are known. */
        if (library === 'generic-pool') continue;
        expect(waitMs).toBeLessThanOrEqual(mostWaitMs + ROUNDING_MS);
        expect(waitMs + serviceMs).toBeLessThanOrEqual(responseMs.most + ROUNDING_MS);
      }
    },
  );

  it('nothing is patched with queues switched off', async () => {
    const { observed } = await observe({
      args: [pathOf('queues.mjs')],
      node,
      registerFile: BUILT_REGISTER_FILE,
      env: { GRIDWATCH_FEATURES: '-queues', GRIDWATCH_EXIT_TIMEOUT_MS: '10000' },
    });
    expect(namesOf(observed)).toEqual([]);
  });
});
