/** The memory of a real process's threads, as the collector is told of it. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { firstLine } from '../support/first-line.ts';
import { defaultNode } from '../support/nodes.ts';
import { type ObservedProgram, startObserved } from '../support/observe.ts';

const SUBJECT = fileURLToPath(new URL('../fixtures/sources/memory.cjs', import.meta.url));
const DEADLINE_MS = 40_000;
const MIB = 2 ** 20;
/** A million numbers of eight bytes. */
const ARRAY_BYTES = 8e6;

interface Heap {
  readonly limit: number;
  readonly used: number;
}

let program: ObservedProgram;
let report: { readonly main: Heap; readonly worker: Heap };

beforeAll(async () => {
  const env = { OTEL_METRIC_EXPORT_INTERVAL: '1000', OTEL_METRIC_EXPORT_TIMEOUT: '1000', GRIDWATCH_LOG: 'off' };
  program = await startObserved({ args: [SUBJECT], env, deadlineMs: 100_000 });
  report = JSON.parse(await firstLine(program.running.child)) as typeof report;
  await eventually('both heaps to be told', () => used('main') > 0 && used('hoarder') > 0, { deadlineMs: DEADLINE_MS });
});

afterAll(async () => program[Symbol.asyncDispose]());

function used(name: string, space?: string): number {
  const sought = { 'thread.name': name, ...(space === undefined ? {} : { 'v8js.heap.space.name': space }) };
  return program.observed.sum('v8js.memory.heap.used', sought) ?? 0;
}

describe('the memory of the main thread', () => {
  it('is what V8 says, by space', async () => {
    await eventually('the arrays to show', () => used('main') > 5 * ARRAY_BYTES, { deadlineMs: DEADLINE_MS });
    expect(used('main')).toBeLessThan(report.main.used * 1.5);
    const spaces = program.observed
      .series('v8js.memory.heap.used', { 'thread.name': 'main' })
      .map(({ attributes }) => attributes['v8js.heap.space.name']);
    expect(spaces).toEqual(expect.arrayContaining(['new_space', 'old_space', 'code_space', 'large_object_space']));
    const size = program.observed.sum('v8js.memory.heap.space.size', { 'thread.name': 'main' }) ?? 0;
    expect(size).toBeGreaterThanOrEqual(used('main'));
  });

  it('has the limit that V8 says', () => {
    expect(program.observed.sum('gridwatch.thread.heap.limit', { 'thread.name': 'main' })).toBe(report.main.limit);
  });

  it('counts the program’s buffers, and not the agent’s', async () => {
    const buffers = (): number =>
      program.observed.sum('gridwatch.thread.memory.array_buffers', { 'thread.name': 'main' }) ?? 0;
    await eventually('the buffer to show', () => buffers() >= 30 * MIB, { deadlineMs: DEADLINE_MS });
    expect(buffers()).toBeLessThan(45 * MIB);
    const external = program.observed.sum('gridwatch.thread.memory.external', { 'thread.name': 'main' }) ?? 0;
    expect(external).toBeGreaterThanOrEqual(30 * MIB);
  });
});

describe('the memory of a worker', () => {
  it('is told in three parts', () => {
    const spaces = program.observed
      .series('v8js.memory.heap.used', { 'thread.name': 'hoarder' })
      .map(({ attributes }) => attributes['v8js.heap.space.name']);
    expect(new Set(spaces)).toEqual(new Set(['_OTHER', 'new_space', 'old_space']));
    expect(used('hoarder')).toBeGreaterThan(3 * ARRAY_BYTES);
    expect(used('hoarder')).toBeLessThan(report.worker.used * 1.5);
  });

  it('has the limit it was started with', () => {
    expect(program.observed.sum('gridwatch.thread.heap.limit', { 'thread.name': 'hoarder' })).toBe(report.worker.limit);
    expect(report.worker.limit).toBeLessThan(600 * MIB);
  });

  it('goes on to be told while the worker has nothing to do', async () => {
    const newest = (): bigint =>
      program.observed
        .series('v8js.memory.heap.used', { 'thread.name': 'hoarder' })
        .reduce((time, { timeUnixNs }) => (timeUnixNs > time ? timeUnixNs : time), 0n);
    const seenNs = newest();
    await eventually('the same, three intervals later', () => newest() > seenNs + 3_000_000_000n, {
      deadlineMs: DEADLINE_MS,
    });
  });

  it('is not made up for one that only computes', () => {
    expect(program.observed.series('v8js.memory.heap.used', { 'thread.name': 'spinner' })).toEqual([]);
    expect(program.observed.states('spinner')['running']).toBeGreaterThan(0);
  });

  it('shows what was allocated where V8 counts it', () => {
    const allocated = program.observed.sum('gridwatch.thread.memory.allocated', { 'thread.name': 'hoarder' });
    if (defaultNode().major < 26) expect(allocated).toBeUndefined();
    else expect(allocated).toBeGreaterThan(3 * ARRAY_BYTES);
  });
});
