/** Threads come, use the lock, and go. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const orders = new Mutex('orders');
const work = () => {
  for (let i = 0; i < 100; i++) orders.withLock(() => {});
};
await crew(import.meta.url, { a: work, b: work, c: work, d: work });
