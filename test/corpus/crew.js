/**
 * The threads of a corpus program: each function of a crew runs as a thread of its name, `main` on the main thread. Runs on every thread of the program.
 *
 * `meet()` is where all of them wait for each other, so that a program has the one schedule that it wants to show. It is made of raw `Atomics.wait`.
 */
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const MAX_MEETINGS = 1000;

/** Starts the threads and runs this one's part. Resolves, on the main thread, when all are done. `shared` is what every thread gets. */
export async function crew(url, parts, shared = {}) {
  const names = Object.keys(parts);
  if (!isMainThread) return parts[workerData.part](toolsOf(workerData.arrivals, names.length, workerData.shared));
  const arrivals = new Int32Array(new SharedArrayBuffer(MAX_MEETINGS * 4));
  const ends = names.flatMap((part) => {
    if (part === 'main') return [];
    const worker = new Worker(fileURLToPath(url), { name: part, workerData: { part, arrivals, shared } });
    return [new Promise((resolve) => worker.once('exit', resolve))];
  });
  await parts.main?.(toolsOf(arrivals, names.length, shared));
  await Promise.all(ends);
}

function toolsOf(arrivals, parties, shared) {
  let meeting = 0;
  const meet = () => {
    const at = meeting++;
    Atomics.add(arrivals, at, 1);
    Atomics.notify(arrivals, at);
    for (let seen = Atomics.load(arrivals, at); seen < parties; seen = Atomics.load(arrivals, at))
      Atomics.wait(arrivals, at, seen);
  };
  return { meet, shared };
}

/** What `meet` is to threads, to activities of one: resolves for each of them when so many have come. */
export function gathering(count) {
  let missing = count;
  let allHaveCome;
  const together = new Promise((resolve) => (allHaveCome = resolve));
  return () => {
    if (--missing === 0) allHaveCome();
    return together;
  };
}

/** Blocks the thread. */
export function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Keeps the thread busy. */
export function spin(ms) {
  for (const end = performance.now() + ms; performance.now() < end; );
}

export const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
