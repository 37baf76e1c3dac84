/** One thread gives the lock back only to take it again at once; another, whose event loop is busy, seldom comes in time. */
// expects: finding starvation orders
import { Mutex } from 'gridwatch/sync';
import { crew, spin } from '../crew.js';

const orders = new Mutex('orders');
await crew(import.meta.url, {
  greedy({ meet }) {
    meet();
    for (const end = Date.now() + 10_000; Date.now() < end; ) orders.withLock(() => spin(2));
  },
  async modest({ meet }) {
    meet();
    let waiting = 0;
    for (const end = Date.now() + 9000; Date.now() < end; await new Promise(setImmediate)) {
      if (waiting === 0) {
        waiting++;
        orders.withLockAsync(() => waiting--);
      }
      spin(30);
    }
  },
});
