/** A thread that ends is taken out of every lock: what it held is abandoned once, others are woken, and its entry is free. */
import { beforeEach, describe, expect, test } from 'vitest';
import { LockDeath } from '../../../agent/agent-thread/lock-death.ts';
import { BLOCK } from '../../../agent/shared-memory/lock-block.ts';
import { LOCK_THREAD } from '../../../agent/shared-memory/lock-memory.ts';
import { DIED, isOfDeadThread, WAITERS } from '../../../agent/shared-memory/lock-word.ts';
import { permitAt } from '../../../agent/shared-memory/semaphore-words.ts';
import { collectFrom, only } from '../../support/recording-sink.ts';
import { count, hold, LockWorld, type WorldLock, type WorldThread, wordOf } from './model/lock-world.ts';

let world: LockWorld;
let death: LockDeath;
let victim: WorldThread;
let told: string[];
const generationOf = ({ views, blockAt }: WorldLock): number => views.i32[(blockAt + BLOCK.GENERATION) >> 2] as number;
/** By lock. */
function abandonments(): Record<string, number> {
  const written = Object.entries(only(collectFrom(world.locks), 'gridwatch.lock.abandonments'));
  return Object.fromEntries(written.map(([labels, value]) => [labels.replace(/^.*name=(.*),.*$/, '$1'), value]));
}

beforeEach(() => {
  world = new LockWorld();
  told = [];
  victim = world.thread('victim', 4);
  death = new LockDeath({
    lockMemory: world.lockMemory,
    locks: world.locks,
    onAbandoned: (lock, thread) => void told.push(`${thread.name} ${lock.className}`),
  });
});

test('a mutex that it held has died, once; that of another thread stays', () => {
  const other = world.thread('other');
  const [held, others, free] = [world.lock('held'), world.lock('others'), world.lock('free')];
  hold(held, victim.word | WAITERS);
  hold(others, other.word);
  death.end(victim);
  expect([wordOf(held), wordOf(others), wordOf(free)]).toEqual([WAITERS | DIED, other.word, 0]);
  expect(told).toEqual(['victim held']);
  expect(abandonments()).toEqual({ held: 1, others: 0, free: 0 });
  death.end(victim);
  expect(told).toEqual(['victim held']);
});

test('its entry is free, and its holder word recognisably dead', () => {
  hold(world.lock('held'), victim.word);
  expect(isOfDeadThread(world.lockMemory, victim.word)).toBe(false);
  death.end(victim);
  expect(isOfDeadThread(world.lockMemory, victim.word)).toBe(true);
  expect(world.enter(9).thread).toBe(victim.lockThread);
});

test('permits, and locks in buffers of the program, are abandoned as well, and stay counted', () => {
  const pool = world.lock('pool', 'semaphore', 16_384, 4);
  for (const permit of [0, 2]) Atomics.store(pool.views.i32, permitAt(pool.blockAt, permit) >> 2, victim.word);
  const own = world.ownLock('own');
  world.locks.told(victim.claim, { lock: 'adopt', lockId: own.id, buffer: own.views.buffer, blockAt: 0 });
  hold(own, victim.word);
  count(own, BLOCK.ACQUISITIONS, 3);
  death.end(victim);
  world.end(victim);
  expect(wordOf(own)).toBe(DIED);
  expect(told.toSorted()).toEqual(['victim own', 'victim pool']);
  expect(abandonments()).toEqual({ pool: 2, own: 1 });
  expect(only(collectFrom(world.locks), 'gridwatch.lock.acquisitions')).toMatchObject({
    'gridwatch.lock.name=own,gridwatch.lock.kind=mutex,gridwatch.lock.mode=exclusive': 3,
  });
});

describe('who waits is woken', () => {
  test('at the lock that it was about to wake at, and at the one it was parked at', () => {
    const [pending, awaited, other] = [world.lock('pending'), world.lock('awaited'), world.lock('other')];
    world.tell(victim.lockThread, LOCK_THREAD.PENDING, pending.id);
    world.tell(victim.lockThread, LOCK_THREAD.AWAITED, awaited.id);
    death.end(victim);
    expect([pending, awaited, other].map(generationOf)).toEqual([1, 1, 0]);
    expect(told).toEqual([]);
  });
});

test('a thread that never used a lock, or whose locks were scribbled on, ends like any other', () => {
  const lock = world.ownLock('tiny');
  world.locks.told(victim.claim, { lock: 'adopt', lockId: lock.id, buffer: lock.views.buffer, blockAt: 0 });
  hold(lock, victim.word);
  lock.views.i32[BLOCK.KIND >> 2] = 3;
  lock.views.i32[BLOCK.NUMBER_A >> 2] = 0x7fffffff;
  world.tell(victim.lockThread, LOCK_THREAD.PENDING, lock.id);
  world.tell(victim.lockThread, LOCK_THREAD.AWAITED, -5);
  death.end(victim);
  expect(isOfDeadThread(world.lockMemory, victim.word)).toBe(true);
});
