/** Promise locks and mutexes of shared memory in both orders, but never both at once: whoever takes them has a third lock, of one kind or of the other. */
// expects: nothing
// node: 24
import { Mutex as PromiseMutex } from 'async-mutex';
import { Mutex } from 'gridwatch/sync';
import { crew, later } from '../crew.js';

const gate = new Mutex('gate');
const [left, right] = [new Mutex('left'), new Mutex('right')];

/** Threads that block, each in a callback that has the gate. */
const nested = (outer, inner) => gate.withLockAsync(() => outer.withLock(() => inner.withLock(() => {})));

async function activities() {
  const [promiseGate, cache] = [new PromiseMutex(), new PromiseMutex()];
  const orders = new Mutex('orders');
  const there = () => cache.runExclusive(() => orders.withLockAsync(() => later(1)));
  const back = () => orders.withLockAsync(() => cache.runExclusive(() => later(1)));
  for (const way of [there, back]) await gate.withLockAsync(way);

  const [pages, files] = [new PromiseMutex(), new Mutex('files')];
  const read = () => pages.runExclusive(() => files.withLockAsync(() => later(1)));
  const write = () => files.withLockAsync(() => pages.runExclusive(() => later(1)));
  await Promise.all([read, write].map((way) => promiseGate.runExclusive(way)));

  /* What waits for the end of the one in between is begun in its callback, and goes on after it. */
  const [between, a, b] = [new PromiseMutex(), new PromiseMutex(), new Mutex('b')];
  await gate.withLockAsync(async () => {
    let rest = Promise.resolve();
    await between.runExclusive(() => {
      rest = a.runExclusive(() => later(5).then(() => b.withLockAsync(() => later(1))));
    });
    await rest;
  });
  await gate.withLockAsync(() => b.withLockAsync(() => a.runExclusive(() => later(1))));
}

await crew(import.meta.url, {
  main: () => activities().then(() => nested(left, right)),
  other: () => nested(right, left),
});
