/** Data that is initialised before it is shared, touched under its lock, and read when all have ended. */
// expects: nothing
// env: GRIDWATCH_RACES=on
import { isMainThread } from 'node:worker_threads';
import { guarded, Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const stock = new Mutex('stock');
const sell = ({ shared }) => {
  const items = guarded(stock, new Int32Array(shared.buffer));
  for (let sale = 0; sale < 200; sale++) stock.withLock(() => items[sale % 16]--);
  /* Guarded by who is handed it, too. */
  const again = guarded(stock, items);
  stock.withLock(() => Atomics.add(again, 0, 1));
  stock.withLock(() => again.hasOwnProperty('0') && again[0]--);
};
const buffer = new SharedArrayBuffer(64);
const items = guarded(stock, new Int32Array(buffer)).fill(1000);
await crew(import.meta.url, { till: sell, web: sell, phone: sell }, { buffer });
if (isMainThread && items.reduce((sum, count) => sum + count) !== 15_400) throw new Error('sales were lost');
