/** Forty activities on two threads, one lock, nested in a second one. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { crew, later } from '../crew.js';

const [orders, stock] = [new Mutex('orders'), new Mutex('stock')];
const work = () =>
  Promise.all(Array.from({ length: 20 }, () => orders.withLockAsync(() => stock.withLockAsync(() => later(2)))));
await crew(import.meta.url, { main: work, worker: work });
