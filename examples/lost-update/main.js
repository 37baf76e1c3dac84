/**
 * Demonstrates a lost update: two threads count visits in shared memory, and some are gone in the end. Reading, adding one and writing back are three steps;
 * what the other thread writes in between is overwritten. How many are lost differs with every run, and on a calm machine it may be none.
 *
 * One of the two has forgotten the lock. Locked by both, or counted by `Atomics.add`, no visit is lost, and nothing is told:
 *
 *     node --require gridwatch/register examples/lost-update/main.js --locked
 *
 * What shows it: `gridwatch.findings` with `gridwatch.finding` = race, and the log record `gridwatch.finding`, with both threads, both stacks and both traces;
 * a line on the terminal. It does not take a run in which something is lost: `guarded` compares the locks that the threads hold, not the results.
 *
 *     GRIDWATCH_RACES=on node --require gridwatch/register examples/lost-update/main.js
 */
import { once } from 'node:events';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { guarded, Mutex } from 'gridwatch/sync';

const VISITS = 20_000;
const TOTAL = 0;
/** Counts the threads that have begun: what shows itself once in a million visits is to show itself here. */
const BEGUN = 1;

const buffer = workerData?.buffer ?? new SharedArrayBuffer(8);
const mutex = new Mutex('visits');
/* Without GRIDWATCH_RACES=on it is the array itself. */
const visits = guarded(mutex, new Int32Array(buffer));

function countLocked() {
  for (let visit = 0; visit < VISITS; visit++) {
    mutex.withLock(() => {
      visits[TOTAL] += 1;
    });
  }
}

function countUnlocked() {
  for (let visit = 0; visit < VISITS; visit++) visits[TOTAL] += 1;
}

function untilBothHaveBegun() {
  Atomics.add(visits, BEGUN, 1);
  while (Atomics.load(visits, BEGUN) < 2);
}

if (isMainThread) {
  const counters = process.argv.includes('--locked') ? [countLocked, countLocked] : [countLocked, countUnlocked];
  const workers = counters.map((count) => {
    return new Worker(new URL(import.meta.url), { name: count.name, workerData: { buffer, count: count.name } });
  });
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  console.log(`${2 * VISITS} visits, ${visits[TOTAL]} counted`);
} else {
  untilBothHaveBegun();
  if (workerData.count === 'countLocked') countLocked();
  else countUnlocked();
}
