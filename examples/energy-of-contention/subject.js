/**
 * One variant in a process of its own: `subject.js <variant> <threads> <rounds of the critical section> <ms>`. `measure.js` looks at it from outside. It warms up,
 * says `ready`, waits for a line, works for so many milliseconds, says what it has done, and waits for another line: all its threads are still there then, at
 * rest, so that the kernel can be asked about them. `contention.py` does the same.
 *
 * The main thread only waits, parked. The work is done by workers, which are this file again.
 */
import { once } from 'node:events';
import { readSync, writeSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { changesOf, OBJECT_WORDS, OBJECTS, VARIANTS } from './variants.js';

/** Words by which the threads go together. A phase has begun, or is to end, when the word has its number. */
const BEGUN = 0;
const ENDED = 1;
const DONE = 2;
const NEVER = 3;
const WARM_UP = 1;
const MEASURED = 2;
/** Of CPU time for each thread: enough for V8 to have compiled all of it. On a busy machine that is long in coming; threads that wait may never have it. */
const WARM_UP_CPU_MS = 60;
const MOST_WARM_UP_MS = 1000;

function waitUntil(words, at, least) {
  for (let seen = Atomics.load(words, at); seen < least; seen = Atomics.load(words, at)) Atomics.wait(words, at, seen);
}

function store(words, at, value) {
  Atomics.store(words, at, value);
  Atomics.notify(words, at);
}

/** CPU time of the process, all of its threads. */
function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function main(variant, threads, rounds, ms) {
  const control = new Int32Array(new SharedArrayBuffer(16));
  const words = new Int32Array(new SharedArrayBuffer(OBJECTS * OBJECT_WORDS * 4));
  const objects = new Int32Array(new SharedArrayBuffer(threads * OBJECTS * OBJECT_WORDS * 4));
  const operations = new Int32Array(new SharedArrayBuffer(threads * 4));
  const shared = { variant, count: threads, rounds, control, words, objects, operations };
  await Promise.all(
    Array.from({ length: threads }, (_, index) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { ...shared, index } });
      return once(worker, 'message');
    }),
  );
  const sleep = (lengthMs) => Atomics.wait(control, NEVER, 0, lengthMs);
  const sleepUntilWarm = () => {
    const end = performance.now() + MOST_WARM_UP_MS;
    const enoughUs = cpuUs() + WARM_UP_CPU_MS * 1000 * threads;
    while (cpuUs() < enoughUs && performance.now() < end) sleep(10);
  };
  const runPhase = (phase, sleepMeanwhile) => {
    const startMs = performance.now();
    store(control, BEGUN, phase);
    sleepMeanwhile();
    store(control, ENDED, phase);
    waitUntil(control, DONE, phase * threads);
    return { seconds: (performance.now() - startMs) / 1000, operations: operations.reduce((sum, of) => sum + of, 0) };
  };
  const warmUp = runPhase(WARM_UP, sleepUntilWarm);
  writeSync(1, 'ready\n');
  readLine();
  const startUs = cpuUs();
  const measured = runPhase(MEASURED, () => sleep(ms));
  const cpuSeconds = (cpuUs() - startUs) / 1e6;
  const lost = warmUp.operations + measured.operations - changesOf(objects);
  const told = { ...measured, lost, cpuSeconds, runtime: `Node ${process.version}` };
  writeSync(1, `${JSON.stringify(told)}\n`);
  readLine();
  process.exit(0);
}

/** Waits, blocked as all of this thread's waits are, for a line or for the end of the input. */
function readLine() {
  readSync(0, Buffer.alloc(64));
}

function work({ control, operations, ...thread }) {
  const run = VARIANTS[thread.variant]({
    ...thread,
    hasEnded: (phase) => Atomics.load(control, ENDED) >= phase,
    parkUntilEnd: (phase) => waitUntil(control, ENDED, phase),
  });
  parentPort.postMessage('ready');
  for (const phase of [WARM_UP, MEASURED]) {
    waitUntil(control, BEGUN, phase);
    operations[thread.index] = run(phase);
    Atomics.add(control, DONE, 1);
    Atomics.notify(control, DONE);
  }
  Atomics.wait(control, NEVER, 0);
}

if (isMainThread) {
  const [variant, ...numbers] = process.argv.slice(2);
  await main(variant, ...numbers.map(Number));
} else {
  work(workerData);
}
