/**
 * One figure of a mutex, as JSON: `uncontended futex|mutex|fair` in ns an acquisition and release, `handoff plain|fair` in ns a hand-over between two
 * threads, `throughput plain|fair` in acquisitions of eight threads a millisecond. Run with the agent or without.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Mutex } from '../../../dist/app-thread/sync/index.js';

const THROUGHPUT_THREADS = 8;
const DURATION_MS = 700;
/** The agent loads its SDK in the first second, on one of two cores: not what a lock costs. */
const WARM_UP_MS = 2000;
/** Words that the threads share: whose turn it is, who is ready, whether it is over, a count in the section. */
const TURN = 0;
const READY = 16;
const OVER = 32;
const COUNT = 48;

/** Drepper's second mutex, as small as it can be: no holder, no counts, no errors. */
class Futex {
  #word = new Int32Array(new SharedArrayBuffer(4));

  lock() {
    const seen = Atomics.compareExchange(this.#word, 0, 0, 1);
    if (seen !== 0) this.#lockSlow(seen);
  }

  #lockSlow(first) {
    let seen = first;
    do {
      if (seen === 2 || Atomics.compareExchange(this.#word, 0, 1, 2) !== 0) Atomics.wait(this.#word, 0, 2);
      seen = Atomics.compareExchange(this.#word, 0, 0, 2);
    } while (seen !== 0);
  }

  unlock() {
    if (Atomics.sub(this.#word, 0, 1) === 1) return;
    Atomics.store(this.#word, 0, 0);
    Atomics.notify(this.#word, 0, 1);
  }
}

/** Many short batches, and of them the tenth fastest in a hundred: what others do on the machine falls into the rest. */
function nsEach(batch, size) {
  for (let i = 0; i < 40; i++) batch(size);
  const all = [];
  for (let i = 0; i < 800; i++) {
    const startedNs = process.hrtime.bigint();
    batch(size);
    all.push(Number(process.hrtime.bigint() - startedNs) / size);
  }
  return all.toSorted((a, b) => a - b)[80];
}

function uncontended(which) {
  if (which === 'futex') {
    const futex = new Futex();
    return nsEach((size) => {
      for (let i = 0; i < size; i++) {
        futex.lock();
        futex.unlock();
      }
    }, 20_000);
  }
  const mutex = new Mutex({ fair: which === 'fair' });
  return nsEach((size) => {
    for (let i = 0; i < size; i++) mutex.acquire().release();
  }, 20_000);
}

/** Each waits, outside of the lock, until the other has had it. */
function handOver(mutex, words, me, rounds) {
  for (let i = 0; i < rounds && Atomics.load(words, OVER) === 0; i++) {
    const lease = mutex.acquire();
    Atomics.store(words, TURN, me);
    lease.release();
    while (Atomics.load(words, TURN) === me && Atomics.load(words, OVER) === 0);
  }
}

function takeOften(mutex, words) {
  let taken = 0;
  for (; Atomics.load(words, OVER) === 0; taken++) {
    const lease = mutex.acquire();
    words[COUNT] = (words[COUNT] + 1) | 0;
    lease.release();
  }
  return taken;
}

function start(data) {
  const worker = new Worker(new URL(import.meta.url), { workerData: data });
  worker.once('error', (error) => {
    throw error;
  });
  return worker;
}

function arrive(words) {
  Atomics.add(words, READY, 1);
  Atomics.notify(words, READY);
}

function until(words, count) {
  for (let ready = Atomics.load(words, READY); ready < count; ready = Atomics.load(words, READY))
    Atomics.wait(words, READY, ready);
}

function handoff(fair) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WARM_UP_MS);
  const mutex = new Mutex({ fair });
  const words = new Int32Array(new SharedArrayBuffer(256));
  start({ what: 'handoff', handle: mutex.handle, words });
  until(words, 1);
  const rounds = 20_000;
  handOver(mutex, words, 1, rounds);
  const startedNs = process.hrtime.bigint();
  handOver(mutex, words, 1, rounds * 5);
  const ns = Number(process.hrtime.bigint() - startedNs) / (rounds * 10);
  Atomics.store(words, OVER, 1);
  return ns;
}

async function throughput(fair) {
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const mutex = new Mutex({ fair });
  const words = new Int32Array(new SharedArrayBuffer(256));
  const workers = Array.from({ length: THROUGHPUT_THREADS }, () =>
    start({ what: 'throughput', handle: mutex.handle, words }),
  );
  const totals = workers.map((worker) => new Promise((resolve) => worker.once('message', resolve)));
  until(words, THROUGHPUT_THREADS);
  const startedNs = process.hrtime.bigint();
  await new Promise((resolve) => setTimeout(resolve, DURATION_MS));
  Atomics.store(words, OVER, 1);
  const durationMs = Number(process.hrtime.bigint() - startedNs) / 1e6;
  const counts = await Promise.all(totals);
  return counts.reduce((sum, count) => sum + count, 0) / durationMs;
}

if (isMainThread) {
  const [what, which] = process.argv.slice(2);
  const fair = which === 'fair';
  const figure =
    what === 'uncontended' ? uncontended(which) : what === 'handoff' ? handoff(fair) : await throughput(fair);
  console.log(JSON.stringify({ figure }));
} else {
  const { what, handle, words } = workerData;
  const mutex = Mutex.from(handle);
  arrive(words);
  if (what === 'throughput') parentPort.postMessage(takeOften(mutex, words));
  else handOver(mutex, words, 2, Number.POSITIVE_INFINITY);
}
