/** An activity has the lock, its thread is blocked for a moment by another one, which then goes on. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew, later, pause } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
await crew(import.meta.url, {
  async main({ meet }) {
    const held = orders.withLockAsync(() => later(300));
    await later(10);
    meet();
    customers.withLock(() => {});
    await held;
  },
  support: ({ meet }) => customers.withLock(() => [meet(), pause(600)]),
});
