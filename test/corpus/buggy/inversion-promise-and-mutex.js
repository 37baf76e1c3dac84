/** A promise lock and a mutex of shared memory, by activities that wait for both, one after the other. */
// expects: inversion async-mutex@inversion-promise-and-mutex.js:8, orders
// node: 24
import { Mutex as PromiseMutex } from 'async-mutex';
import { Mutex } from 'gridwatch/sync';
import { later } from '../crew.js';

const cache = new PromiseMutex();
const orders = new Mutex('orders');
await cache.runExclusive(async () => {
  const lease = await orders.acquireAsync();
  await later(5);
  lease.release();
});
await orders.withLockAsync(async () => {
  await later(5);
  await cache.runExclusive(() => later(5));
});
