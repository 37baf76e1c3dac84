/** Activities that take locks in both orders, of which none can wait for another: under a lock in common, for a while only, or begun inside and not awaited. */
// expects: nothing
import { Mutex, RwLock, Semaphore } from 'gridwatch/sync';
import { later } from '../crew.js';

const [gate, orders, customers] = [new Mutex('gate'), new Mutex('orders'), new Mutex('customers')];
for (const [first, second] of [
  [orders, customers],
  [customers, orders],
])
  await gate.withLockAsync(() => first.withLockAsync(() => second.withLockAsync(() => later(1))));

/* In one order for as long as it takes, in the other with a time limit. */
const [stock, prices] = [new Mutex('stock'), new Mutex('prices')];
await stock.withLockAsync(() => prices.withLockAsync(() => later(1)));
await prices.withLockAsync(() => stock.withLockAsync(() => later(1), { timeoutMs: 1000 }));

/* Readers of both, and limits of two, do not exclude each other. */
const [names, places] = [new RwLock('names'), new RwLock('places')];
const [reads, writes] = [new Semaphore('reads', { permits: 2 }), new Semaphore('writes', { permits: 2 })];
for (const [first, second] of [
  [names, places],
  [places, names],
])
  await first.withReadAsync(() => second.withReadAsync(() => later(1)));
for (const [first, second] of [
  [reads, writes],
  [writes, reads],
])
  await first.withLockAsync(() => second.withLockAsync(() => later(1)));

/* What is begun under the lock, and not awaited, gets the other one after the lock's end. */
const [log, file] = [new Mutex('log'), new Mutex('file')];
let flushed = Promise.resolve();
const lease = await file.acquireAsync();
await log.withLockAsync(() => {
  flushed = file.withLockAsync(() => later(1));
});
lease.release();
await flushed;
await file.withLockAsync(() => log.withLockAsync(() => later(1)));
