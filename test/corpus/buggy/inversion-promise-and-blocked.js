/** The main thread blocks at a mutex in the callback of a promise lock; a worker and another callback close the circle. */
// expects: inversion async-mutex@inversion-promise-and-blocked.js:9, ledger, orders
// node: 24
import { Mutex as PromiseMutex } from 'async-mutex';
import { Mutex } from 'gridwatch/sync';
import { crew, later } from '../crew.js';

const [orders, ledger] = [new Mutex('orders'), new Mutex('ledger')];
const cache = new PromiseMutex();
await crew(import.meta.url, {
  booking({ meet }) {
    orders.withLock(() => ledger.withLock(() => {}));
    meet();
  },
  async main({ meet }) {
    meet();
    await cache.runExclusive(async () => {
      await later(5);
      orders.withLock(() => {});
    });
    await ledger.withLockAsync(() => cache.runExclusive(() => later(5)));
  },
});
