/** A Web Lock and a promise lock in both orders, each of which had to be waited for. */
// expects: inversion async-mutex@inversion-waited.js:7, orders
// node: 24
import { Mutex } from 'async-mutex';
import { later } from '../crew.js';

const cache = new Mutex();
const ordersBusy = navigator.locks.request('orders', () => later(40));
await cache.runExclusive(() => navigator.locks.request('orders', () => later(1)));
await ordersBusy;
const cacheBusy = cache.runExclusive(() => later(40));
await navigator.locks.request('orders', () => cache.runExclusive(() => later(1)));
await cacheBusy;
