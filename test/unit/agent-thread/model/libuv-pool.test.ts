/** libuv's thread pool: who works there, and how long a probe waits there. */
import { beforeEach, describe, expect, it } from 'vitest';
import { HelperThreads } from '../../../../agent/agent-thread/model/helper-threads.ts';
import { LibuvPool } from '../../../../agent/agent-thread/model/libuv-pool.ts';
import type { HistogramSnapshot } from '../../../../agent/shared-memory/histogram.ts';
import { FakeDirectory, MS, S } from './fake-tasks.ts';

let directory: FakeDirectory;
let helpers: HelperThreads;
let pool: LibuvPool;
let nowNs: number;
let idleMs: number;
let probes: (() => void)[];

beforeEach(() => {
  directory = new FakeDirectory();
  helpers = new HelperThreads(directory, 0);
  nowNs = 0;
  idleMs = 0;
  probes = [];
  pool = new LibuvPool({
    helpers,
    probe: (done) => probes.push(done),
    idleTimeMs: () => idleMs,
    nowNs: () => nowNs,
  });
});

function pass(ns: number): void {
  nowNs += ns;
  helpers.scan(nowNs, () => false);
  pool.tick(nowNs);
}

function addThreads(count: number): void {
  for (let id = 1; id <= count; id++) directory.add(id, { name: 'libuv-worker', state: 'futex' });
}

/** What leaves: numbers by metric and state, the waits' count and sum. */
function collected(): Record<string, number> {
  const found: Record<string, number> = {};
  const number = (name: string, attributes: object, value: number): void => {
    found[`${name} ${String(Reflect.get(attributes, 'gridwatch.pool.thread.state') ?? '')}`.trim()] = value;
  };
  pool.collect({
    sum: number,
    gauge: number,
    histogram: (name: string, _: object, { counts, sumNs }: HistogramSnapshot) => {
      found[`${name} count`] = Array.from(counts).reduce((sum, count) => sum + count, 0);
      found[`${name} sum`] = sumNs;
    },
  } as never);
  return found;
}

describe('LibuvPool', () => {
  it('sends no probe, and tells nothing, while the program has not started the pool', () => {
    pass(5 * S);
    expect(probes).toHaveLength(0);
    expect(collected()).toEqual({});
  });

  it('sends one probe a second, and never a second one before the first is back', () => {
    addThreads(4);
    for (let i = 0; i < 50; i++) pass(100 * MS);
    expect(probes).toHaveLength(1);
    probes[0]?.();
    for (let i = 0; i < 50; i++) pass(100 * MS);
    expect(probes).toHaveLength(2);
    for (let i = 0; i < 10; i++) {
      probes.at(-1)?.();
      pass(1 * S);
    }
    expect(probes).toHaveLength(12);
  });

  it('counts as waiting what the agent thread was idle while the probe was under way', () => {
    addThreads(4);
    pass(1 * S);
    idleMs += 250;
    nowNs += 300 * MS;
    expect(collected()).toMatchObject({
      'gridwatch.queue.oldest_item.age': 300 * MS,
      'gridwatch.queue.wait.duration count': 0,
    });
    probes[0]?.();
    expect(collected()).toMatchObject({
      'gridwatch.queue.oldest_item.age': 0,
      'gridwatch.queue.wait.duration count': 1,
      'gridwatch.queue.wait.duration sum': 250 * MS,
    });
  });

  it('tells how many threads there are, how many work, and how busy they were', () => {
    addThreads(4);
    pass(1 * S);
    expect(collected()).toMatchObject({
      'gridwatch.pool.thread.count active': 0,
      'gridwatch.pool.thread.count idle': 4,
      'gridwatch.pool.thread.limit': 4,
      'gridwatch.pool.utilization': 0,
    });
    for (let second = 0; second < 10; second++) {
      for (const id of [1, 2]) {
        const task = directory.tasks.get(id);
        if (task !== undefined) Object.assign(task, { state: 'on_cpu', runNs: task.runNs + S });
      }
      const reader = directory.tasks.get(3);
      if (reader !== undefined) Object.assign(reader, { state: 'blocked_io', runNs: reader.runNs + 1 });
      pass(1 * S);
    }
    const after = collected();
    expect(after).toMatchObject({ 'gridwatch.pool.thread.count active': 3, 'gridwatch.pool.thread.count idle': 1 });
    expect(after['gridwatch.pool.utilization']).toBeCloseTo(0.75, 1);
  });
});
