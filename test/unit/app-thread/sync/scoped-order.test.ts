/**
 * The orders in which callbacks take locks of several kinds: promise locks and those of `gridwatch/sync`, by activities that wait and by threads that block.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Hold, TrackedLock } from '../../../../agent/app-thread/async-locks/tracked-lock.ts';
import type { LockTracker } from '../../../../agent/app-thread/async-locks/tracker.ts';
import { lockTracker } from '../../../../agent/app-thread/async-locks/trackers.ts';
import { setLockLink } from '../../../../agent/app-thread/lock-link.ts';
import { Mutex, RwLock } from '../../../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { LockTracking } from '../../../support/lock-tracking.ts';

const { memory: locks } = lockThread();
const tracking = new LockTracking({}, locks.baseS);
/** What the orders' locks are called. */
const names = new Map<number, string>();

let tracker: LockTracker;

beforeAll(() => {
  tracking.link(locks.views.buffer);
  tracker = lockTracker() as LockTracker;
});
beforeEach(() => void tracking.told());
afterAll(() => setLockLink(locks.views.buffer, undefined));

function mutex(name: string): Mutex {
  const made = new Mutex(`${name} of ${expect.getState().currentTestName}`);
  const { buffer, byteOffset } = made.handle;
  names.set(new Int32Array(buffer, byteOffset)[BLOCK.ID >> 2] as number, name);
  return made;
}

function promiseLock(name: string): TrackedLock {
  const made = tracker.classOf(`${name} of ${expect.getState().currentTestName}`, 'promise');
  names.set(-made.number, name);
  return tracker.lock(made);
}

/** As the patch of a package does. */
function holding<T>(lock: TrackedLock, callback: (hold: Hold) => T): T {
  const hold = lock.request(true);
  lock.granted(hold);
  const run = (): T => callback(hold);
  const result = tracker.activities?.runAs(hold, run) as T;
  const released = (): void => lock.released(hold);
  if (result instanceof Promise) void result.then(released);
  else released();
  return result;
}

/** `outer>inner gates`, and how the inner one was waited for. */
function told(): string[] {
  return tracking.told().orders.map(({ outer, inner, gates, isAsync }) => {
    const [from, to] = [outer, inner].map(({ lockId, classNumber }) => names.get(lockId > 0 ? lockId : -classNumber));
    const beside = gates.map((gate) => names.get(gate));
    return [`${from}>${to}`, ...beside, isAsync ? 'async' : 'blocking'].join(' ');
  });
}

test('a mutex by `withLockAsync` in the callback of a promise lock, and the other way round', async () => {
  const [p, m] = [promiseLock('p'), mutex('m')];
  for (let i = 0; i < 3; i++) await holding(p, () => m.withLockAsync(() => {}));
  expect(told()).toEqual(['p>m async']);
  for (let i = 0; i < 3; i++) await m.withLockAsync(() => holding(p, () => {}));
  expect(told()).toEqual(['m>p async']);
});

test('the stack of an order has no frames of the agent or of Node in it', async () => {
  const [p, m] = [promiseLock('p'), mutex('m')];
  await holding(p, async () => m.withLockAsync(() => {}));
  const [order] = tracking.told().orders;
  const files = tracking.name(order?.stackNumber ?? 0).matchAll(/\((.*?):\d+:\d+\)/g);
  expect([...new Set([...files].map(([, file]) => file?.replace(/.*node_modules.*/, 'vitest')))]).toEqual([
    'test/unit/app-thread/sync/scoped-order.test.ts',
    'vitest',
  ]);
});

test('a mutex for which the thread blocks, once it is measured', () => {
  const [p, m] = [promiseLock('p'), mutex('m')];
  for (let i = 0; i < 3; i++) holding(p, () => m.withLock(() => {}));
  expect(told()).toEqual(['p>m blocking']);
});

test('none of a mutex that was tried, or waited for with a limit, or given after the callback has ended', async () => {
  const [p, m] = [promiseLock('p'), mutex('m')];
  await holding(p, async () => {
    m.tryAcquire()?.release();
    m.acquire({ timeoutMs: 100 }).release();
    await m.withLockAsync(() => {}, { timeoutMs: 100 });
  });
  const lease = m.acquire();
  const late = holding(p, () => [m.withLockAsync(() => {})])[0];
  lease.release();
  await late;
  expect(told()).toEqual([]);
});

test('none of what is held by a bare acquisition, or of what a callback gave back early', async () => {
  const [p, m] = [promiseLock('p'), mutex('m')];
  const lease = await m.acquireAsync();
  holding(p, () => {});
  lease.release();
  await holding(p, (hold) => {
    p.released(hold);
    return m.withLockAsync(() => {});
  });
  await m.withLockAsync((own) => {
    own.release();
    holding(p, () => {});
  });
  expect(told()).toEqual([]);
});

test('the gates of an order are all that is held beside it, whatever its kind and whoever holds it', async () => {
  const [p, a, b, c] = [promiseLock('p'), mutex('a'), mutex('b'), mutex('c')];
  await a.withLockAsync(() => holding(p, () => b.withLockAsync(() => {})));
  expect(told()).toEqual(['a>p async', 'p>b a async', 'a>b p async']);
  await b.withLockAsync(() => c.withLock(() => holding(p, () => {})));
  expect(told()).toEqual(['b>c blocking', 'b>p c async']);
});

test('an order of a thread that blocks is gated by the callback it is in, and told again when it is seen without', async () => {
  const [p, a, b] = [promiseLock('p'), mutex('a'), mutex('b')];
  const nested = (): void => a.withLock(() => b.withLock(() => {}));
  for (let i = 0; i < 3; i++) holding(p, nested);
  expect(told()).toEqual(['p>a blocking', 'a>b p blocking', 'p>b a blocking']);
  for (let i = 0; i < 3; i++) nested();
  expect(told()).toEqual(['a>b blocking']);
});

test('a lock is no order with itself, and modes are told apart', async () => {
  const lock = new RwLock('rw');
  const [m] = [mutex('m')];
  await lock.withReadAsync(() => lock.withReadAsync(() => m.withLockAsync(() => {})));
  await lock.withWriteAsync(() => m.withLockAsync(() => {}));
  expect(tracking.told().orders.map(({ outer }) => outer.mode)).toEqual(['shared', 'exclusive']);
});

test('callbacks that have ended are not kept, however long each begins the next', async () => {
  const [a, b] = [mutex('a'), mutex('b')];
  const scopes: unknown[] = [];
  const begin = (left: number): Promise<void> =>
    (left % 2 === 0 ? a : b).withLockAsync(() => {
      scopes.push(lockThread().recording?.activities?.scope);
      return left === 0 ? undefined : void begin(left - 1);
    });
  await begin(100);
  while (scopes.length <= 100) await new Promise((resolve) => setImmediate(resolve));
  const depths = scopes.map((scope) => {
    let depth = 0;
    for (let at = scope as { outer?: object } | undefined; at !== undefined; at = at.outer) depth++;
    return depth;
  });
  expect(Math.max(...depths)).toBeLessThan(5);
});
