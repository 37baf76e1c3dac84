/**
 * One thread gives the lock back only to take it again at once; another, whose event loop is busy, never comes in time. It goes on until that is told: how
 * long it takes until the lock was had often enough is the machine's doing.
 */
// expects: finding starvation orders
import { Mutex } from 'gridwatch/sync';
import { crew, spin } from '../crew.js';

const orders = new Mutex('orders');
await crew(import.meta.url, {
  greedy({ meet }) {
    meet();
    for (;;) orders.withLock(() => spin(0.2));
  },
  async modest({ meet }) {
    meet();
    let waiting = 0;
    for (;;) {
      if (waiting === 0) {
        waiting++;
        orders.withLockAsync(() => waiting--);
      }
      spin(30);
      await new Promise(setImmediate);
    }
  },
});
