/** Promise locks and mutexes of shared memory: in one order by many, handed over, given back early, for a while only, and begun inside but not awaited. */
// expects: nothing
// node: 24
import AsyncLock from 'async-lock';
import { Mutex as PromiseMutex } from 'async-mutex';
import { Mutex } from 'gridwatch/sync';
import { crew, later } from '../crew.js';

const keys = new AsyncLock();
const cache = new PromiseMutex();
const [orders, ledger] = [new Mutex('orders'), new Mutex('ledger')];

async function activities() {
  /* Always in one order, whether it waits or blocks. */
  const inOrder = (i) =>
    keys.acquire(`row ${i % 3}`, () =>
      cache.runExclusive(async () => {
        await orders.withLockAsync(() => ledger.withLockAsync(() => later(1)));
        ledger.withLock(() => {});
      }),
    );
  await Promise.all(Array.from({ length: 12 }, (_, i) => inOrder(i)));

  /* One after the other, in the other order: the first has been given back, by itself or by the end of its callback. */
  await orders.withLockAsync(() => later(1)).then(() => cache.runExclusive(() => later(1)));
  await orders.withLockAsync(async (lease) => {
    lease.release();
    await cache.runExclusive(() => later(1));
  });
  const lease = await ledger.acquireAsync();
  queueMicrotask(() => lease.release());
  await cache.runExclusive(() => later(1));

  /* In the other order for a while only, or if it is free. */
  const [names, places] = [new PromiseMutex(), new Mutex('places')];
  await names.runExclusive(() => places.withLockAsync(() => later(1), { timeoutMs: 1000 }));
  await names.runExclusive(() => places.tryAcquire()?.release());
  await names.runExclusive(() => places.acquire({ timeoutMs: 1000 }).release());
  await places.withLockAsync(() => names.runExclusive(() => later(1)));

  /* Begun under a lock, and given after its end. */
  const [log, file] = [new PromiseMutex(), new Mutex('file')];
  let flushed = Promise.resolve();
  const busy = await log.acquire();
  await file.withLockAsync(() => {
    flushed = log.runExclusive(() => later(30));
  });
  await later(20);
  busy();
  await flushed;
  await log.runExclusive(() => file.withLockAsync(() => later(1)));

  /* Siblings, of which each has one of the two. */
  const [one, other] = [new PromiseMutex(), new Mutex('other')];
  await Promise.all([one.runExclusive(() => later(5)), other.withLockAsync(() => later(5))]);
  await Promise.all([other.withLockAsync(() => later(5)), one.runExclusive(() => later(5))]);
}

/* Each thread has a cache of its own: they do not wait for each other there. */
const own = new PromiseMutex();
await crew(import.meta.url, {
  main: () => activities().then(() => own.runExclusive(() => orders.withLockAsync(() => later(1)))),
  other: () => orders.withLockAsync(() => own.runExclusive(() => later(1))),
});
