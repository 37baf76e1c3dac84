/*
 * Puts items through a queue again and again, as QUEUE_OPERATION says, and prints the nanoseconds of this thread's CPU time for one item: the best of several
 * rounds, since what else runs on the machine only adds to it.
 */
'use strict';

const OPERATIONS = 100_000;
const ROUNDS = 8;
let count = 0;

/** A batch of so many items at once, of which all but `concurrency` wait. */
const batches = {
  fastq: (size, concurrency) => {
    const queue = require('fastq')((value, done) => {
      count++;
      queueMicrotask(done);
    }, concurrency);
    return () =>
      new Promise((resolve) => {
        queue.drain = resolve;
        for (let i = 0; i < size; i++) queue.push(i);
      });
  },
  'fastq-promise': (size, concurrency) => {
    const queue = require('fastq').promise(async () => {
      await Promise.resolve();
      count++;
    }, concurrency);
    return () => Promise.all(Array.from({ length: size }, (_, i) => queue.push(i)));
  },
  'p-queue': (size, concurrency) => {
    const { default: PQueue } = require('p-queue');
    const queue = new PQueue({ concurrency });
    const run = async () => {
      await Promise.resolve();
      count++;
    };
    return () => Promise.all(Array.from({ length: size }, () => queue.add(run)));
  },
  async: (size, concurrency) => {
    const queue = require('async').queue((value, done) => {
      count++;
      queueMicrotask(done);
    }, concurrency);
    return () => Promise.all(Array.from({ length: size }, (_, i) => queue.push(i)));
  },
  tarn: (size, concurrency) => {
    const { Pool } = require('tarn');
    const pool = new Pool({ create: async () => ({}), destroy: () => {}, min: 0, max: concurrency });
    const borrow = async () => {
      const resource = await pool.acquire().promise;
      count++;
      pool.release(resource);
    };
    return () => Promise.all(Array.from({ length: size }, borrow));
  }
};

async function main() {
  const [library, size, concurrency] = process.env.QUEUE_OPERATION.split(' ');
  const batch = batches[library](Number(size), Number(concurrency));
  const operations = library === 'tarn' ? OPERATIONS / 10 : OPERATIONS;
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    count = 0;
    const before = process.threadCpuUsage();
    for (let i = 0; i < operations / Number(size); i++) await batch();
    const { user, system } = process.threadCpuUsage(before);
    if (round > 1) best = Math.min(best, ((user + system) * 1e3) / count);
  }
  console.log(best);
  process.exit();
}

main();
