/**
 * Demonstrates a pool that waits for itself: to lay out a chapter a worker needs its pictures, which are tasks of the same pool. As long as a worker is free that
 * works. With as many chapters as workers each of them waits for a picture that waits for a worker: nothing moves any more, no thread is blocked, no CPU is
 * used, and nothing is logged.
 *
 * What shows it: the line on the terminal and `gridwatch.findings` with `gridwatch.finding` = `pool_starvation`; `gridwatch.pool.thread.count` is all `active`, and
 * `gridwatch.queue.oldest_item.age` of `piscina@layout.js` grows while `gridwatch.thread.state.time` of its workers is all `idle`. The way out is a pool of
 * its own for the pictures, or to do them in the same task.
 *
 *     node --require gridwatch/register examples/pool-starvation/main.js
 *
 * It gives up after as many seconds as STARVATION_SECONDS says (15). With STARVATION_CHAPTERS=1 (2) one worker stays free, and the book is done at once.
 */
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';

const SECONDS = Number(process.env.STARVATION_SECONDS ?? 15);
const CHAPTERS = Number(process.env.STARVATION_CHAPTERS ?? 2);
const WORKERS = 2;

const pool = new Piscina({
  filename: new URL('./layout.js', import.meta.url).href,
  minThreads: WORKERS,
  maxThreads: WORKERS,
});
const signal = AbortSignal.timeout(SECONDS * 1000);

/** A chapter is laid out by one task, which asks for each of its pictures through a port. */
async function layOut(chapter) {
  const { port1, port2 } = new MessageChannel();
  /* A mistake to find: the pictures are tasks of the pool whose workers wait for them. */
  port1.on('message', ({ picture }) => {
    pool.run({ picture }, { name: 'draw', signal }).then(
      (drawn) => port1.postMessage(drawn),
      () => port1.close(),
    );
  });
  try {
    return await pool.run({ chapter, port: port2 }, { name: 'layOut', transferList: [port2], signal });
  } finally {
    port1.close();
  }
}

const chapters = Array.from({ length: CHAPTERS }, (_, at) => layOut(at + 1));
const results = await Promise.allSettled(chapters);
const done = results.filter(({ status }) => status === 'fulfilled').length;
console.log(`${done} of ${CHAPTERS} chapters laid out`);
await pool.destroy();
