/*
 * Takes a mutex of async-mutex again and again, as LOCK_OPERATION says, and prints the nanoseconds of this thread's CPU time for one acquisition, the best of
 * several rounds, since what else runs on the machine only adds to it; and whether the agent runs.
 */
'use strict';

const { Mutex } = require('async-mutex');

const OPERATIONS = 100_000;
const ROUNDS = 8;
const mutex = new Mutex();
let count = 0;

const operations = {
  acquire: async () => {
    const release = await mutex.acquire();
    count++;
    release();
  },
  run: () => mutex.runExclusive(() => count++),
  'run-async': () =>
    mutex.runExclusive(async () => {
      await Promise.resolve();
      count++;
    }),
  /* Eight at once, of which seven wait. */
  contended: () =>
    Promise.all(
      Array.from({ length: 8 }, () =>
        mutex.runExclusive(async () => {
          await Promise.resolve();
          count++;
        })
      )
    )
};

async function main() {
  const operation = operations[process.env.LOCK_OPERATION];
  const perCall = operation === operations.contended ? 8 : 1;
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    count = 0;
    const before = process.threadCpuUsage();
    for (let i = 0; i < OPERATIONS / perCall; i++) await operation();
    const { user, system } = process.threadCpuUsage(before);
    if (round > 1) best = Math.min(best, ((user + system) * 1e3) / count);
  }
  const isObserved = globalThis[Symbol.for('gridwatch.running')] !== undefined;
  console.log(JSON.stringify({ ns: best, isObserved }));
}

main();
