/** The lock scene from the words of shared memory: who waits, who holds, for which activity, and what is left out. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { LockScene, SceneHold, SceneWait } from '../../../../agent/agent-thread/model/lock-scene-types.ts';
import { AsyncLockState } from '../../../../agent/shared-memory/async-locks.ts';
import { CONDITION } from '../../../../agent/shared-memory/condition-words.ts';
import { SLOT } from '../../../../agent/shared-memory/layout.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { LOCK_THREAD } from '../../../../agent/shared-memory/lock-memory.ts';
import { WAITERS } from '../../../../agent/shared-memory/lock-word.ts';
import { RW_LOCK, readerAt } from '../../../../agent/shared-memory/rw-lock-words.ts';
import { permitAt } from '../../../../agent/shared-memory/semaphore-words.ts';
import { writeWaitDetail } from '../../../../agent/shared-memory/wait-detail.ts';
import { TIMED_WAIT, WaitState } from '../../../../agent/shared-memory/wait-word.ts';
import { ASYNC_LOCK, count, hold, LockWorld, NOW_NS, record, type WorldThread } from './lock-world.ts';

const SHARED = 1;
let world: LockWorld;
let one: WorldThread;
let two: WorldThread;
let three: WorldThread;

const read = (): LockScene => world.locks.readScene(NOW_NS);
function onlyWait(): SceneWait {
  const { waits } = read();
  expect(waits).toHaveLength(1);
  return waits[0] as SceneWait;
}
const holdersOf = ({ lock }: SceneWait): string[] => lock.holds.map(({ party }) => party.key);

beforeEach(() => {
  world = new LockWorld();
  one = world.thread('one', 1);
  two = world.thread('two', 2);
  three = world.thread('three', 3);
});

describe('a thread that is blocked', () => {
  test('is a wait, with the holder, place and trace', () => {
    const lock = world.lock('orders');
    hold(lock, two.word | WAITERS);
    world.block(one, lock, NOW_NS - 5e6);
    const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    writeWaitDetail(world.memory, one.claim.slot, 1, {
      siteNumber: world.name('app.js:3'),
      stackNumber: world.name('work (app.js:3:1)'),
      context,
      heldIds: [],
    });
    count(lock, BLOCK.ACQUISITIONS, 7);
    record(lock, BLOCK.HOLDS, 3e6, 2);
    const scene = read();
    const slot = one.claim.slot;
    expect(scene.waits).toMatchObject([
      {
        party: {
          key: `t${slot}.1`,
          activity: 0,
          isCertain: true,
          thread: { name: 'one', threadId: 1, lockThread: one.lockThread },
        },
        lock: {
          key: `L${lock.id}`,
          lockId: lock.id,
          kind: 'mutex',
          className: 'orders',
          instance: '',
          capacity: 1,
          counts: { acquisitions: 7, contentions: 0, abandonments: 0, unheard: 0, holds: 2, holdNs: 6e6 },
          holds: [{ party: { key: `t${two.claim.slot}.1` }, mode: 'exclusive', sinceNs: undefined }],
        },
        mode: 'exclusive',
        sinceNs: NOW_NS - 5e6,
        number: 1,
        isBlocking: true,
        isTimed: false,
        site: 'app.js:3',
        stack: 'work (app.js:3:1)',
        context,
      },
    ]);
    expect([...scene.locks.keys()]).toEqual([`L${lock.id}`]);
    expect(scene.waits[0]?.lock).toBe(scene.locks.get(`L${lock.id}`));
  });

  test('waits with a timeout or in shared mode, and its detail is not that of an earlier wait', () => {
    const lock = world.lock('cache', 'rwlock');
    writeWaitDetail(world.memory, one.claim.slot, 1, {
      siteNumber: world.name('old.js:1'),
      stackNumber: 0,
      context: undefined,
      heldIds: [],
    });
    world.block(one, lock, 1);
    one.waitWord.end(2);
    world.block(one, lock, 3, SHARED | TIMED_WAIT);
    expect(onlyWait()).toMatchObject({ mode: 'shared', isTimed: true, number: 2, site: '', stack: '' });
  });

  test('in a raw Atomics.wait waits for nobody; parked, or at a queue, it is no wait', () => {
    one.waitWord.begin(WaitState.WAITING_LOCK, world.name('pool.js:1'), 5);
    two.waitWord.begin(WaitState.PARKED, 0, 5);
    three.waitWord.begin(WaitState.WAITING_QUEUE, -1, 5);
    expect(onlyWait()).toMatchObject({ lock: { kind: 'atomics', className: 'pool.js:1', holds: [], lockId: 0 } });
  });

  test('has a loop that is seen to turn, where there is one', () => {
    const lock = world.lock('orders');
    world.block(one, lock, 1);
    expect(onlyWait().party.thread.turns).toBeUndefined();
    world.memory.i32[world.memory.slotAt(one.claim.slot, SLOT.LOOP_BEAT) >> 2] = 4;
    expect(onlyWait().party.thread.turns).toBe(4);
  });

  test('at a lock that nobody knows is still shown', () => {
    one.waitWord.begin(WaitState.WAITING_LOCK, -4711, 5);
    expect(onlyWait().lock).toMatchObject({ key: 'L4711', holds: [] });
  });

  test('and is not observed: which lock, and since when it was seen there', () => {
    const lock = world.lock('orders');
    hold(lock, one.word);
    const stranger = world.enter(42);
    world.tell(stranger.thread, LOCK_THREAD.AWAITED, lock.id);
    world.locks.readScene(NOW_NS - 9e6);
    expect(onlyWait()).toMatchObject({
      party: { key: `l${stranger.thread}.1`, thread: { threadId: 42, name: 'thread 42' } },
      sinceNs: NOW_NS - 9e6,
    });
  });
});

describe('who holds', () => {
  test('an RwLock: the writer, also one that still waits, and each reader once', () => {
    const lock = world.lock('cache', 'rwlock');
    const reader = (thread: WorldThread, reads: number): void =>
      void Atomics.store(lock.views.i32, readerAt(lock.blockAt, thread.lockThread) >> 2, (1 << 12) | reads);
    reader(two, 1);
    reader(three, 3);
    hold(lock, one.word);
    world.block(one, lock, 1);
    const pending = onlyWait();
    const mode = ({ party, mode: held, isPending }: SceneHold): unknown[] => [party.key, held, isPending === true];
    expect(pending.lock.holds.map(mode)).toEqual([
      [`t${one.claim.slot}.1`, 'exclusive', true],
      [`t${two.claim.slot}.1`, 'shared', false],
      [`t${three.claim.slot}.1`, 'shared', false],
    ]);
    Atomics.store(lock.views.i32, (lock.blockAt + RW_LOCK.WRITING) >> 2, one.word);
    expect(onlyWait().lock.holds[0]?.isPending).toBe(false);
  });

  test('an RwLock: a writer that waits asynchronously for the readers is the activity that waits', () => {
    const lock = world.lock('cache', 'rwlock');
    hold(lock, one.word);
    Atomics.store(lock.views.i32, readerAt(lock.blockAt, two.lockThread) >> 2, (1 << 12) | 1);
    one.asyncLocks.open({ ...ASYNC_LOCK, kind: 'rwlock', lockId: lock.id, activity: 6, isTimed: true });
    const wait = onlyWait();
    expect(wait).toMatchObject({ party: { key: `t${one.claim.slot}.1/6` }, isTimed: true });
    expect(wait.lock.holds).toMatchObject([
      { party: { key: `t${one.claim.slot}.1/6` }, isPending: true },
      { party: { key: `t${two.claim.slot}.1` }, isPending: false },
    ]);
  });

  test('a semaphore: each permit is one hold', () => {
    const lock = world.lock('pool', 'semaphore', 16_384, 3);
    for (const [permit, thread] of [two, two, three].entries())
      Atomics.store(lock.views.i32, permitAt(lock.blockAt, permit) >> 2, thread.word);
    const held = {
      ...ASYNC_LOCK,
      state: AsyncLockState.HELD,
      kind: 'semaphore',
      lockId: lock.id,
      mode: 'shared',
    } as const;
    three.asyncLocks.open({ ...held, activity: 9 });
    world.block(one, lock, 1);
    const wait = onlyWait();
    expect(holdersOf(wait)).toEqual([`t${two.claim.slot}.1`, `t${two.claim.slot}.1`, `t${three.claim.slot}.1/9`]);
    expect(wait.lock.holds.map(({ mode }) => mode)).toEqual(['shared', 'shared', 'shared']);
    expect(wait.lock.capacity).toBe(3);
  });

  test('a lock that was taken asynchronously: the activity, not its thread', () => {
    const lock = world.lock('orders');
    hold(lock, two.word);
    const siteNumber = world.name('app.js:8');
    const held = { ...ASYNC_LOCK, state: AsyncLockState.HELD, activity: 5, parentActivity: 4, siteNumber } as const;
    two.asyncLocks.open({ ...held, lockId: lock.id, kind: 'mutex', sinceNs: 77 });
    world.block(one, lock, 1);
    expect(onlyWait().lock.holds).toMatchObject([
      {
        party: { key: `t${two.claim.slot}.1/5`, activity: 5, parentActivity: 4, isCertain: true },
        sinceNs: 77,
        site: 'app.js:8',
      },
    ]);
  });

  test('nobody, when the holder is dead or its life over', () => {
    const lock = world.lock('orders');
    hold(lock, two.word + (1 << 12));
    world.block(one, lock, 1);
    expect(onlyWait().lock.holds).toEqual([]);
  });

  test('nobody, when a program has scribbled on a lock in a small buffer', () => {
    const lock = world.ownLock('tiny');
    world.locks.told(one.claim, { lock: 'adopt', lockId: lock.id, buffer: lock.views.buffer, blockAt: 0 });
    lock.views.i32[BLOCK.KIND >> 2] = 2;
    world.block(one, lock, 1);
    expect(onlyWait().lock.holds).toEqual([]);
  });
});

test('a condition is held by nobody, and is known with the mutex that it is used with', () => {
  const lock = world.lock('ready', 'condition');
  const mutex = world.lock('state');
  world.block(one, lock, 1, 0, WaitState.WAITING_QUEUE);
  world.block(two, world.lock('items', 'channel'), 1, 0, WaitState.WAITING_QUEUE);
  expect(onlyWait().lock.counts).not.toHaveProperty('condition');
  count(lock, CONDITION.MUTEX, mutex.id);
  count(lock, CONDITION.TICKETS, 3);
  count(lock, CONDITION.NOTIFICATIONS, 2);
  count(lock, BLOCK.UNHEARD, 4);
  count(mutex, BLOCK.ACQUISITIONS, 9);
  expect(onlyWait().lock).toMatchObject({
    holds: [],
    counts: { unheard: 4, condition: { waits: 3, heard: 2, mutexAcquisitions: 9 } },
  });
});

describe('activities', () => {
  test('that wait and hold, one thread or several; a Web Lock is one lock for all', () => {
    const web = { ...ASYNC_LOCK, kind: 'web_lock', classNumber: world.name('tenant-*') } as const;
    const instanceNumber = world.name('tenant-7');
    one.asyncLocks.open({ ...web, instanceNumber, lockId: -3, activity: 8, state: AsyncLockState.HELD });
    two.asyncLocks.open({ ...web, instanceNumber, lockId: -9, activity: 2, sinceNs: 50 });
    const scene = read();
    expect(scene.waits).toMatchObject([
      {
        party: { key: `t${two.claim.slot}.1/2` },
        lock: { key: 'Wtenant-7', className: 'tenant-*', instance: 'tenant-7', capacity: 1 },
        number: 50,
        isBlocking: false,
      },
    ]);
    expect(holdersOf(scene.waits[0] as SceneWait)).toEqual([`t${one.claim.slot}.1/8`]);
    expect([...scene.activities.keys()].toSorted()).toEqual([`t${one.claim.slot}.1/8`, `t${two.claim.slot}.1/2`]);
  });

  test('that wait for a promise lock: each thread has its own, by number', () => {
    const number = world.name('async-mutex@app.js:3');
    one.asyncLocks.open({ ...ASYNC_LOCK, classNumber: number, state: AsyncLockState.HELD, activity: 1 });
    one.asyncLocks.open({ ...ASYNC_LOCK, classNumber: number, activity: 2 });
    two.asyncLocks.open({ ...ASYNC_LOCK, classNumber: number, activity: 2 });
    const scene = read();
    expect(scene.waits.map((wait) => [wait.lock.key, holdersOf(wait)])).toEqual([
      [`t${one.claim.slot}.1:-1`, [`t${one.claim.slot}.1/1`]],
      [`t${two.claim.slot}.1:-1`, []],
    ]);
  });

  test('of which it is not known how many may come in', () => {
    const limit = { ...ASYNC_LOCK, classNumber: world.name('p-limit@app.js:3') };
    one.asyncLocks.open({ ...limit, state: AsyncLockState.HELD });
    one.asyncLocks.open({ ...limit, activity: 2 });
    expect(onlyWait().lock.capacity).toBe(0);
  });

  test('that are not certain stay so, and one without a number never is', () => {
    one.asyncLocks.open({ ...ASYNC_LOCK, isCertain: false });
    one.asyncLocks.open({ ...ASYNC_LOCK, activity: 0 });
    expect(read().waits.map(({ party }) => party.isCertain)).toEqual([false, false]);
  });
});

describe('a wait that is to end', () => {
  test('finds the id of the lock with its thread', () => {
    const lock = world.lock('orders');
    world.block(one, lock, 1);
    const wait = onlyWait();
    expect(world.locks.scenes.abort(wait)).toBe(true);
    const at = world.lockMemory.threadAt(one.lockThread, LOCK_THREAD.ABORT) >> 2;
    expect(world.lockMemory.views.i32[at]).toBe(lock.id);
  });

  test('is left alone when its thread is gone, or it does not block', () => {
    const lock = world.lock('orders');
    world.block(one, lock, 1);
    const wait = onlyWait();
    world.end(one);
    expect(world.locks.scenes.abort(wait)).toBe(false);
    expect(world.locks.scenes.abort({ ...wait, isBlocking: false })).toBe(false);
  });
});
