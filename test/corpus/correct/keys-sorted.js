/** Keys of one class, always taken in their order, and the locks of objects that a list puts in one. */
// expects: nothing
import AsyncLock from 'async-lock';
import { Mutex } from 'async-mutex';
import { later } from '../crew.js';

const lock = new AsyncLock();
const rows = Array.from({ length: 5 }, () => new Mutex());
const inOrder = (one, other) => (one < other ? [one, other] : [other, one]);
const transfer = (from, to) => {
  const [first, second] = inOrder(from, to);
  return lock.acquire(first, () => lock.acquire(second, () => later(1)));
};
const both = (one, other) => {
  const [first, second] = inOrder(one, other);
  return rows[first].runExclusive(() => rows[second].runExclusive(() => later(1)));
};
await Promise.all([transfer('account-1', 'account-2'), transfer('account-2', 'account-1'), both(1, 3), both(3, 1)]);
await transfer('account-3', 'account-1');
await Promise.all([both(4, 1), both(1, 4)]);
