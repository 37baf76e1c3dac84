/** A lock is held for more than a second and another thread waits: slow, not wrong. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const orders = new Mutex('orders');
await crew(import.meta.url, {
  nightly: ({ meet }) => orders.withLock(() => [meet(), pause(1200)]),
  billing({ meet }) {
    meet();
    orders.withLock(() => {});
  },
});
