/** A blocking lock is kept while timers fire, and another thread waits for that. It goes on until that is told: the agent may still be at its start. */
// expects: finding held_across_turn orders
import { Mutex } from 'gridwatch/sync';
import { crew, later } from '../crew.js';

const orders = new Mutex('orders');
await crew(import.meta.url, {
  async main({ meet }) {
    orders.acquire();
    meet();
    for (;;) await later(20);
  },
  billing({ meet }) {
    meet();
    orders.withLock(() => {});
  },
});
