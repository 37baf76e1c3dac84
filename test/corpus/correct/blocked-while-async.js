/** An activity has the lock, its thread is blocked for a moment by another one, which then goes on. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew, later, pause } from '../crew.js';

const [orders, customers] = [new Mutex('orders'), new Mutex('customers')];
await crew(import.meta.url, {
  async main({ meet }) {
    let begin;
    const begun = new Promise((resolve) => (begin = resolve));
    const held = orders.withLockAsync(() => [begin(), later(300)][1]);
    await begun;
    meet();
    customers.withLock(() => {});
    await held;
  },
  support: ({ meet }) => customers.withLock(() => [meet(), pause(600)]),
});
