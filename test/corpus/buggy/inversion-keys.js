/** Two keys of one class in the order in which they are given: the lock of the one inside of the other's, and the other way round. */
// expects: inversion account-*
// node: 24
import AsyncLock from 'async-lock';
import { later } from '../crew.js';

const lock = new AsyncLock();
const transfer = (from, to) => lock.acquire(from, () => lock.acquire(to, () => later(2)));
await transfer('account-1', 'account-2');
await later(20);
await transfer('account-2', 'account-1');
await transfer('account-3', 'account-4');
await transfer('account-4', 'account-3');
