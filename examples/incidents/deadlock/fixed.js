/**
 * The twin of `broken.js` in which no circle can close: a transfer locks its two accounts in the order of their names, whoever of them pays.
 */
import { isMainThread, Worker } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';
import { block } from '../service.js';

const ACCOUNTS = ['anna', 'ben'].map((name) => ({ name, lock: new Mutex(`account ${name}`) }));

/** At most so long after one customer the next comes. */
const BETWEEN_MS = 200;

/** The books are on a disk: that takes a moment. */
function transfer(from, to) {
  const [first, second] = from.name < to.name ? [from, to] : [to, from];
  first.lock.withLock(() => {
    block(10);
    second.lock.withLock(() => block(2));
  });
}

if (isMainThread) {
  for (const name of ['teller-1', 'teller-2']) new Worker(new URL(import.meta.url), { name });
} else {
  for (;;) {
    const [from, to] = Math.random() < 0.5 ? ACCOUNTS : ACCOUNTS.toReversed();
    transfer(from, to);
    block(Math.random() * BETWEEN_MS);
  }
}
