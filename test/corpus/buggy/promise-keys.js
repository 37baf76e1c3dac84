/** Keys of one lock, in opposite orders. */
// expects: deadlock order, stock
import AsyncLock from 'async-lock';
import { gathering } from '../crew.js';

const lock = new AsyncLock();
const haveBoth = gathering(2);
const both = (first, second) =>
  lock.acquire(first, async () => {
    await haveBoth();
    await lock.acquire(second, async () => {});
  });
const alive = setInterval(() => {}, 1000);
await Promise.all([both('order', 'stock'), both('stock', 'order')]);
clearInterval(alive);
