/** Ten holds of 30 ms with a free lock in between: busy, not starved. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const orders = new Mutex('orders');
const work = () => {
  for (let i = 0; i < 10; i++) {
    orders.withLock(() => pause(30));
    pause(30);
  }
};
await crew(import.meta.url, { billing: work, support: work });
