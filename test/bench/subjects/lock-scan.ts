/*
 * A thousand locks with names and sixty-four threads, each of which holds one lock and waits for another; made by writing what such threads would leave in
 * shared memory. Looks at them as the agent thread does at every poll, collects their metrics, and prints the time of each, and the memory that all of it takes.
 */
import { Findings } from '../../../agent/agent-thread/detect/findings.ts';
import { LockDetectors } from '../../../agent/agent-thread/detect/lock-detectors.ts';
import type { MetricSink } from '../../../agent/agent-thread/telemetry/metrics.ts';
import { BLOCK } from '../../../agent/shared-memory/lock-block.ts';
import { count, hold, LockWorld, NOW_NS, record, type WorldLock } from '../../unit/agent-thread/model/lock-world.ts';

const LOCKS = 1000;
const THREADS = 64;
const WARM_UP = 50;
const ROUNDS = 300;

const gc = globalThis.gc as () => void;
const memoryBytes = (): number => {
  gc();
  return process.memoryUsage().rss;
};

const beforeBytes = memoryBytes();
const world = new LockWorld();
const locks: WorldLock[] = [];
for (let i = 0; i < LOCKS; i++) {
  const lock = world.lock(`lock-${i}`, 'mutex', 1536);
  count(lock, BLOCK.ACQUISITIONS, i + 1);
  count(lock, BLOCK.CONTENTIONS, 1);
  record(lock, BLOCK.WAITS, 1e6 + i);
  record(lock, BLOCK.HOLDS, 1e5 + i);
  locks.push(lock);
}
const threads = Array.from({ length: THREADS }, (_, i) => world.thread(`thread-${i}`));
const step = Math.floor(LOCKS / THREADS);
for (const [i, thread] of threads.entries()) {
  /* A chain, each waiting for the lock of the next; the last one works. */
  hold(locks[i * step] as WorldLock, thread.word);
  if (i + 1 < THREADS) world.block(thread, locks[(i + 1) * step] as WorldLock, NOW_NS - 1e6 - i);
}
const voices = { emitSpan: () => {}, emitLog: () => {}, diag: undefined as never, areNamesFull: false };
const detectors = new LockDetectors({
  voices,
  findings: new Findings(voices),
  naming: world.locks,
  index: world.locks.index,
  labelOf: (lock) => world.locks.labelOf(lock),
  nowNs: () => NOW_NS,
  flush: () => {},
});
const sink: MetricSink = { sum: () => {}, gauge: () => {}, histogram: () => {} };

function medianMs(run: () => void): number {
  const times: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const beganMs = performance.now();
    run();
    if (round >= 0) times.push(performance.now() - beganMs);
  }
  return times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN;
}

let waits = 0;
const firstBeganMs = performance.now();
detectors.look(world.locks.readScene(NOW_NS));
const firstMs = performance.now() - firstBeganMs;
const scanMs = medianMs(() => {
  const scene = world.locks.readScene(NOW_NS);
  waits = scene.waits.length;
  detectors.look(scene);
});
const collectMs = medianMs(() => world.locks.collect(sink));
if (waits !== THREADS - 1) throw new Error(`${waits} waits were seen`);
console.log(JSON.stringify({ firstMs, scanMs, collectMs, memoryBytes: memoryBytes() - beforeBytes }));
