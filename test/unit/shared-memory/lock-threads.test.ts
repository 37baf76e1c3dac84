/** The thread table of lock memory: E1, E2, and who is known to be gone. */
import { describe, expect, test } from 'vitest';
import { LOCK_THREAD, LOCK_THREADS, LockMemory } from '../../../agent/shared-memory/lock-memory.ts';
import {
  claimLockThread,
  freeLockThread,
  isThreadGone,
  startTicksOf,
} from '../../../agent/shared-memory/lock-threads.ts';
import { generationOf, isOfDeadThread, threadOf } from '../../../agent/shared-memory/lock-word.ts';
import { osThreadId } from '../../../agent/shared-memory/os-thread.ts';

const somebody = { osThreadId: 0, threadId: 1, startTicks: 0, agentSlot: 0, agentGeneration: 0 };
const tid = osThreadId();
const isLinux = tid > 0;

test('E1, E2: each life of an entry has a word of its own, and only that life is freed', () => {
  const memory = LockMemory.create(0);
  const first = claimLockThread(memory, somebody, false);
  if (first === undefined) throw new Error('no entry');
  expect(threadOf(first.word)).toBe(first.thread);
  expect(isOfDeadThread(memory, first.word)).toBe(false);
  expect(memory.threadsHigh).toBe(1);
  const generation = generationOf(first.word);
  expect(freeLockThread(memory, first.thread, generation + 1)).toBe(false);
  expect(freeLockThread(memory, first.thread, generation)).toBe(true);
  expect(freeLockThread(memory, first.thread, generation)).toBe(false);
  expect(isOfDeadThread(memory, first.word)).toBe(true);
  const second = claimLockThread(memory, somebody, false);
  expect(second?.thread).toBe(first.thread);
  expect(second?.word).not.toBe(first.word);
  expect(isOfDeadThread(memory, first.word)).toBe(true);
});

test('E1: no life has a word whose generation is zero, and so none that could be taken for a flag', () => {
  const memory = LockMemory.create(0);
  memory.views.i32[memory.threadAt(0, LOCK_THREAD.STATE) >> 2] = 0xfffff << 2;
  const claim = claimLockThread(memory, somebody, false);
  expect(generationOf(claim?.word ?? 0)).toBe(1);
});

test('as many as there are', () => {
  const memory = LockMemory.create(0);
  const claims = Array.from({ length: LOCK_THREADS }, () => claimLockThread(memory, somebody, true)?.thread);
  expect(new Set(claims).size).toBe(LOCK_THREADS);
  expect(claimLockThread(memory, somebody, true)).toBeUndefined();
});

describe.runIf(isLinux)('where the kernel says which threads there are', () => {
  const gone = { ...somebody, osThreadId: tid, startTicks: startTicksOf(String(tid)) + 1 };

  test('this thread lives; one that began at another time, or has no entry in the kernel, is gone', () => {
    const memory = LockMemory.create(0);
    expect(startTicksOf(String(tid))).toBeGreaterThan(0);
    const entries = [
      { ...somebody, osThreadId: tid, startTicks: startTicksOf(String(tid)) },
      gone,
      { ...somebody, osThreadId: 0x7fffffff, startTicks: 5 },
      somebody,
    ];
    const claims = entries.map((entry) => claimLockThread(memory, entry, false)?.thread ?? -1);
    expect(claims.map((thread) => isThreadGone(memory, thread))).toEqual([false, true, true, false]);
  });

  test('the entry of a thread that is gone is taken over where nobody else gives it back', () => {
    const memory = LockMemory.create(0);
    const dead = claimLockThread(memory, gone, false);
    expect(claimLockThread(memory, somebody, false)?.thread).toBe(1);
    const next = claimLockThread(memory, somebody, true);
    expect(next?.thread).toBe(dead?.thread);
    expect(isOfDeadThread(memory, dead?.word ?? 0)).toBe(true);
  });
});
