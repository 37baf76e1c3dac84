/**
 * GridwatchDeadlock: tellers, each a thread, move money from one account to another. Each locks the account that pays, then the one that is paid. As soon as one
 * moves money from Anna to Ben while another moves some from Ben to Anna, both wait for ever, and whoever comes after them, too.
 *
 * The way out is `fixed.js`: the two accounts are locked in an order that is the same for all transfers.
 */
import { isMainThread, Worker } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';
import { block } from '../service.js';

const ACCOUNTS = ['anna', 'ben'].map((name) => ({ name, lock: new Mutex(`account ${name}`) }));

/** At most so long after one customer the next comes. */
const BETWEEN_MS = 200;

/** The books are on a disk: that takes a moment. */
function transfer(from, to) {
  // A mistake to find: the order is that of the arguments.
  from.lock.withLock(() => {
    block(10);
    to.lock.withLock(() => block(2));
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
