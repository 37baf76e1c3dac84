/*
 * Runs empty tasks in a pool of piscina with one worker, as many at once as POOL_TASKS_AT_ONCE says, and prints how many it served in a second: the best of several
 * rounds, since what else runs on the machine only takes away from it.
 */
'use strict';

const { Piscina } = require('piscina');

const TASKS = 30_000;
const ROUNDS = 4;
const atOnce = Number(process.env.POOL_TASKS_AT_ONCE);

async function client(pool, tasks) {
  for (let i = 0; i < tasks; i++) await pool.run(i);
}

async function main() {
  const pool = new Piscina({ filename: require.resolve('./empty-task.cjs'), minThreads: 1, maxThreads: 1 });
  await pool.run(0);
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: atOnce }, () => client(pool, TASKS / atOnce)));
    const perSecond = TASKS / ((performance.now() - startedMs) / 1000);
    if (round > 0) best = Math.max(best, perSecond);
  }
  console.log(best);
  await pool.destroy();
}

main();
