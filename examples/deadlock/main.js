/**
 * Demonstrates a deadlock that takes the main thread along: three threads, each with the lock that the one before it wants. No event loop turns any more, no
 * timer, no request, no signal handler; CPU time stays at nothing. It stands still until somebody ends it (Ctrl-C).
 *
 * Each thread moves money from one account to another, and locks the two accounts in the order in which it meets them: the one that pays, then the one that is
 * paid. Locked in an order that is the same for all, by name for example, no circle can close.
 *
 * What shows it, within a second: `gridwatch.deadlocks` and `gridwatch.deadlock.thread.count`, the span `deadlock` with an event for each thread, and the
 * terminal, which names the cycle: who waits for what, where, held by whom.
 *
 *     node --require gridwatch/register examples/deadlock/main.js
 *     GRIDWATCH_DEADLOCK_ACTION=abort node --require gridwatch/register examples/deadlock/main.js
 *
 * The second one gives one of the three an error whose code is ERR_GRIDWATCH_DEADLOCK. It gives its lock back, and the program ends.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, threadId, Worker, workerData } from 'node:worker_threads';
import { Mutex } from 'gridwatch/sync';

const ACCOUNTS = ['anna', 'ben', 'carla'];
const OPENING_BALANCE = 100;

/** The balances; behind them, how many threads have locked the account that pays. */
const shared = isMainThread ? new Int32Array(new SharedArrayBuffer(4 * 4)) : new Int32Array(workerData.buffer);
const PAYERS = ACCOUNTS.length;

/** On the main thread `from` is 0. */
function pay(from, amount) {
  const to = (from + 1) % ACCOUNTS.length;
  const payer = new Mutex(`account ${ACCOUNTS[from]}`);
  const payee = new Mutex(`account ${ACCOUNTS[to]}`);
  payer.withLock(() => {
    untilAllHaveBegun();
    payee.withLock(() => {
      shared[from] -= amount;
      shared[to] += amount;
    });
  });
}

/** What happens once in a million payments is made to happen at the first. */
function untilAllHaveBegun() {
  Atomics.add(shared, PAYERS, 1);
  Atomics.notify(shared, PAYERS);
  for (let begun; (begun = Atomics.load(shared, PAYERS)) < ACCOUNTS.length; ) Atomics.wait(shared, PAYERS, begun);
}

function tryToPay(from, amount) {
  try {
    pay(from, amount);
  } catch (error) {
    console.error(`${isMainThread ? 'the main thread' : `worker ${threadId}`}: ${error.code}: ${error.message}`);
  }
}

if (isMainThread) {
  shared.fill(OPENING_BALANCE, 0, ACCOUNTS.length);
  const workers = [1, 2].map((from) => {
    return new Worker(new URL(import.meta.url), { workerData: { buffer: shared.buffer, from } });
  });
  const ends = workers.map((worker) => once(worker, 'exit'));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  tryToPay(0, 10);
  await Promise.all(ends);
  console.log(ACCOUNTS.map((name, account) => `${name}: ${shared[account]}`).join(', '));
} else {
  parentPort.postMessage('ready');
  tryToPay(workerData.from, 10);
}
