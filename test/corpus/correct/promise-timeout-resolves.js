/** Activities that wait for one another until one of them gives up: by the time-out of its library, or by a signal. */
// expects: nothing
// node: 24
import AsyncLock from 'async-lock';
import { Mutex, withTimeout } from 'async-mutex';
import { gathering, later } from '../crew.js';

const [cache, rows, lock] = [withTimeout(new Mutex(), 1500), new Mutex(), new AsyncLock({ timeout: 1500 })];
const [mutexes, keys] = [gathering(2), gathering(2)];
await Promise.allSettled([
  cache.runExclusive(() => mutexes().then(() => rows.runExclusive(() => {}))),
  rows.runExclusive(() => mutexes().then(() => cache.runExclusive(() => {}))),
  lock.acquire('a', () => keys().then(() => lock.acquire('b', () => {}))),
  lock.acquire('b', () =>
    keys()
      .then(() => later(20))
      .then(() => lock.acquire('a', () => {})),
  ),
]);
await cache.runExclusive(() => navigator.locks.request('reports', { signal: AbortSignal.timeout(5000) }, () => {}));
await navigator.locks.request('reports', () => rows.runExclusive(() => later(1)));
await rows.runExclusive(() => navigator.locks.request('reports', { signal: AbortSignal.timeout(5000) }, () => {}));
