/** The barrier as one thread uses it: rounds, who breaks them, and what is an error. */
import { describe, expect, test } from 'vitest';
import { Barrier } from '../../../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { arrive } from '../../../../agent/shared-memory/barrier-words.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { sweepDead } from '../../../../agent/shared-memory/lock-holders.ts';
import { codeOf, codeOfAsync } from './codes.ts';
import { otherThread } from './other-thread.ts';

const wordsOf = ({ handle }: Barrier): Int32Array => new Int32Array(handle.buffer, handle.byteOffset);

describe('rounds', () => {
  test('nobody goes on before the last has come; each is told its place', async () => {
    const barrier = new Barrier({ parties: 3 });
    for (let round = 0; round < 5; round++) {
      const places: number[] = [];
      const waits = [barrier.waitAsync(), barrier.waitAsync()].map(async (wait) => places.push(await wait));
      expect(places).toEqual([]);
      expect(barrier.wait()).toBe(2);
      await Promise.all(waits);
      expect(new Set(places)).toEqual(new Set([0, 1]));
    }
    expect(wordsOf(barrier)[BLOCK.SHARED_ACQUISITIONS >> 2]).toBe(15);
    expect(wordsOf(barrier)[BLOCK.SHARED_CONTENTIONS >> 2]).toBe(10);
  });

  test('one party waits for nobody', () => {
    const barrier = new Barrier('alone', { parties: 1 });
    expect([barrier.wait(), barrier.wait()]).toEqual([0, 0]);
  });
});

describe('a round is broken', () => {
  test('by a time-out, for all who wait and come', async () => {
    const barrier = new Barrier('late', { parties: 3 });
    const first = codeOfAsync(barrier.waitAsync());
    expect(codeOf(() => barrier.wait({ timeoutMs: 1 }))).toBe('LOCK_TIMEOUT');
    expect(barrier.isBroken).toBe(true);
    expect(await first).toBe('BARRIER_BROKEN');
    expect(codeOf(() => barrier.wait())).toBe('BARRIER_BROKEN');
    barrier.reset();
    expect(barrier.isBroken).toBe(false);
    const waits = [barrier.waitAsync(), barrier.waitAsync()];
    barrier.wait();
    expect(new Set(await Promise.all(waits))).toEqual(new Set([0, 1]));
  });

  test('by an abort', async () => {
    const barrier = new Barrier({ parties: 3 });
    const abort = new AbortController();
    const first = codeOfAsync(barrier.waitAsync());
    const second = codeOfAsync(barrier.waitAsync({ signal: abort.signal }));
    abort.abort('enough');
    expect([await first, await second]).toEqual(['BARRIER_BROKEN', 'enough']);
  });

  test('by a reset, also for who looks only when a later round goes on', async () => {
    const barrier = new Barrier({ parties: 2 });
    const first = codeOfAsync(barrier.waitAsync());
    barrier.reset();
    const second = barrier.waitAsync();
    expect(barrier.wait()).toBe(1);
    expect([await first, await second]).toEqual(['BARRIER_BROKEN', 0]);
  });

  test('by a thread that ends while it waits', async () => {
    const barrier = new Barrier('ended', { parties: 3 });
    const { memory } = lockThread();
    const { word: dead } = otherThread();
    arrive(wordsOf(barrier), 0, dead);
    const wait = codeOfAsync(barrier.waitAsync());
    expect(sweepDead(memory.views, barrier.handle.byteOffset, memory, dead)).toBe(1);
    expect(await wait).toBe('BARRIER_BROKEN');
    expect(wordsOf(barrier)[BLOCK.ABANDONMENTS >> 2]).toBe(1);
  });

  test('by one of whose end only a waiter finds out', () => {
    const barrier = new Barrier({ parties: 3 });
    const other = otherThread();
    arrive(wordsOf(barrier), 0, other.word);
    other.end();
    expect(codeOf(() => barrier.wait({ timeoutMs: 500 }))).toBe('BARRIER_BROKEN');
  });

  test('not by a thread that ends when its round is over', async () => {
    const barrier = new Barrier('over', { parties: 2 });
    const { memory } = lockThread();
    const { word: dead } = otherThread();
    arrive(wordsOf(barrier), 0, dead);
    barrier.wait();
    const wait = barrier.waitAsync();
    expect(sweepDead(memory.views, barrier.handle.byteOffset, memory, dead)).toBe(0);
    barrier.wait();
    expect(await wait).toBe(0);
  });

  test('a reset of a barrier where nobody waits changes nothing', () => {
    const barrier = new Barrier({ parties: 2 });
    barrier.reset();
    expect(barrier.isBroken).toBe(false);
  });
});

test.each([0, 1025, 1.5, undefined])('parties: %s', (parties) => {
  expect(codeOf(() => new Barrier({ parties: parties as number }))).toBe('LOCK_OPTION');
});

test('all users of one name agree on the parties', () => {
  expect(new Barrier('agreed', { parties: 4 }).parties).toBe(4);
  expect(codeOf(() => new Barrier('agreed', { parties: 5 }))).toBe('LOCK_KIND');
  expect(Barrier.from(new Barrier('agreed', { parties: 4 }).handle).parties).toBe(4);
});
