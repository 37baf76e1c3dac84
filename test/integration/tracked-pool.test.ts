/** A pool as a patch tells of it, from the thread that submits to a collector: counts, workers, and a span for each task under the id that its work knows. */
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import type { OtlpSpan } from '../../agent/cli/otlp-decode.ts';
import { type Observed, observe } from '../support/observe.ts';

const APP = fileURLToPath(new URL('../fixtures/apps/tracked-pool.ts', import.meta.url));
const POOL = { 'gridwatch.queue.name': 'pool@renderer.js', 'gridwatch.queue.kind': 'pool' };

let observed: Observed;
let spanIds: string[];

beforeAll(async () => {
  /* A sampler that drops everything, also what has a sampled parent. */
  const run = await observe({ args: [APP], env: { OTEL_TRACES_SAMPLER: 'always_off' } });
  if (run.result.exitCode !== 0) throw new Error(`the program has failed: ${run.result.stderr}`);
  observed = run.observed;
  ({ spanIds } = JSON.parse(run.result.stdout) as { spanIds: string[] });
});

it('is counted', () => {
  const count = (name: string): number | undefined => observed.sum(`gridwatch.queue.${name}`, POOL);
  expect(['arrivals', 'completions', 'rejections', 'aborts', 'size'].map(count)).toEqual([4, 3, 1, 1, 0]);
  expect(observed.count('gridwatch.queue.wait.duration', POOL)).toBe(3);
  expect(observed.count('gridwatch.queue.service.duration', POOL)).toBe(3);
  expect(observed.sum('gridwatch.queue.oldest_item.age', POOL)).toBe(0);
  expect(observed.sum('gridwatch.pool.thread.limit', POOL)).toBe(2);
  const workers = (state: string): number | undefined =>
    observed.sum('gridwatch.pool.thread.count', { ...POOL, 'gridwatch.pool.thread.state': state });
  expect([workers('active'), workers('idle')]).toEqual([0, 1]);
});

it('has a span for each task, with the id it was promised, whatever the sampler says', () => {
  const tasks = observed.spans.filter(({ name }) => name === 'task pool@renderer.js');
  expect(tasks.map(({ spanId }) => spanId).toSorted()).toEqual(spanIds.toSorted());
  for (const task of tasks) {
    expect(task).toMatchObject({ traceId: 'c'.repeat(32), parentSpanId: 'd'.repeat(16) });
    expect(task.attributes).toMatchObject({ ...POOL, 'thread.name': 'main', 'code.file.path': 'app.js' });
  }
  const byId = new Map(tasks.map((task) => [task.spanId, task]));
  const outcomes = spanIds.map((id) => byId.get(id)?.attributes['gridwatch.task.outcome']);
  expect(outcomes).toEqual(['done', 'done', 'failed', 'aborted']);
  const servedBy = spanIds.map((id) => byId.get(id)?.attributes['gridwatch.task.thread.name']);
  expect(servedBy).toEqual(['renderer', 'renderer', 'renderer', undefined]);
});

it('has in each task that waited its wait', () => {
  const waits = observed.spans.filter(({ name }) => name === 'queue.wait pool@renderer.js');
  const durationMs = ({ startUnixNs, endUnixNs }: OtlpSpan): number => Number(endUnixNs - startUnixNs) / 1e6;
  const waitOf = (id: string | undefined): OtlpSpan | undefined =>
    waits.find(({ parentSpanId }) => parentSpanId === id);
  for (const at of [1, 2]) {
    const wait = waitOf(spanIds[at]);
    expect(wait?.attributes).toMatchObject({ 'gridwatch.contended': true });
    /* Behind one and two tasks of 40 ms, of which a timer may be a millisecond short. */
    expect(wait === undefined ? 0 : durationMs(wait)).toBeGreaterThan(38 * at);
  }
});
