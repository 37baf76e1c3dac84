/** The RwLock as one thread uses it: who comes in when, asynchronously and not, and what is an error. */
import { describe, expect, test } from 'vitest';
import { Mutex, RwLock } from '../../../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { holdersOf, sweepDead } from '../../../../agent/shared-memory/lock-holders.ts';
import { Entry, leaveRead, leaveWrite, tryRead, tryWrite } from '../../../../agent/shared-memory/rw-lock-words.ts';
import { codeOf, codeOfAsync } from './codes.ts';
import { otherThread } from './other-thread.ts';

const wordsOf = ({ handle }: RwLock): Int32Array => new Int32Array(handle.buffer, handle.byteOffset);

/** Another thread, as its words stand in shared memory: it comes in, and leaves, or dies. */
function other(lock: RwLock): {
  read(): boolean;
  write(): boolean;
  leave(): void;
  die(): void;
} {
  const { memory } = lockThread();
  const { word, end } = otherThread();
  const words = wordsOf(lock);
  const place = { index: 0, value: 0 };
  return {
    read: () => tryRead(words, 0, word, false, place) !== Entry.OUT,
    write: () => tryWrite(words, 0, memory, word, place) !== Entry.OUT,
    leave: () => void (leaveRead(words, 0, word) || leaveWrite(words, 0, word)),
    die: () => {
      sweepDead({ ...memory.views, i32: words as never }, 0, memory, word);
      end();
    },
  };
}

describe('who comes in', () => {
  test('many readers, or one writer', () => {
    const lock = new RwLock();
    const reads = [lock.acquireRead(), lock.acquireRead()];
    expect(lock.tryAcquireWrite()).toBeUndefined();
    for (const read of reads) read.release();
    const write = lock.acquireWrite();
    expect(lock.tryAcquireRead()).toBeUndefined();
    expect(lock.tryAcquireWrite()).toBeUndefined();
    write.release();
    expect(lock.tryAcquireWrite()).toBeDefined();
    lock.releaseWrite();
  });

  test('a writer that does not come in leaves nothing behind', () => {
    const lock = new RwLock();
    const reader = other(lock);
    reader.read();
    expect(lock.tryAcquireWrite()).toBeUndefined();
    expect(codeOf(() => lock.acquireWrite({ timeoutMs: 0 }))).toBe('LOCK_TIMEOUT');
    expect(codeOf(() => lock.acquireWrite({ timeoutMs: 5 }))).toBe('LOCK_TIMEOUT');
    expect(lock.tryAcquireRead()).toBeDefined();
    lock.releaseRead();
    reader.leave();
    lock.acquireWrite().release();
  });

  test('a writer that waits holds off new readers, not one that reads already and blocks', async () => {
    const lock = new RwLock();
    const outer = lock.acquireRead();
    const writer = other(lock);
    expect(writer.write()).toBe(false);
    expect(codeOf(() => other(lock).read())).toBe('none');
    expect(other(lock).read()).toBe(false);
    const inner = lock.acquireRead({ timeoutMs: 0 });
    expect(await codeOfAsync(lock.acquireReadAsync({ timeoutMs: 1 }))).toBe('LOCK_TIMEOUT');
    inner.release();
    outer.release();
    expect(writer.write()).toBe(true);
    writer.leave();
    lock.acquireRead().release();
  });

  test('an asynchronous writer comes in when the readers of its own thread have left', async () => {
    const lock = new RwLock();
    const order: string[] = [];
    const read = await lock.acquireReadAsync();
    const written = lock.withWriteAsync(() => void order.push('written'));
    const readAgain = lock.withReadAsync(() => void order.push('read again'));
    order.push('still read');
    /* The thread's own writer waits: a blocking read of the thread cannot wait for it. */
    lock.withRead(() => order.push('read meanwhile'));
    read.release();
    await Promise.all([written, readAgain]);
    expect(order).toEqual(['still read', 'read meanwhile', 'written', 'read again']);
  });

  test('an asynchronous writer that gives up lets readers in again', async () => {
    const lock = new RwLock();
    const reader = other(lock);
    reader.read();
    const abort = new AbortController();
    const write = codeOfAsync(lock.acquireWriteAsync({ signal: abort.signal }));
    expect(lock.tryAcquireRead() === undefined).toBe(true);
    const read = lock.acquireReadAsync();
    abort.abort('enough');
    expect(await write).toBe('enough');
    (await read).release();
    reader.leave();
  });

  test('one of two asynchronous writers gives up: the other comes in', async () => {
    const lock = new RwLock();
    const read = await lock.acquireReadAsync();
    const abort = new AbortController();
    const first = codeOfAsync(lock.acquireWriteAsync({ signal: abort.signal }));
    const second = lock.acquireWriteAsync();
    abort.abort('enough');
    expect(await first).toBe('enough');
    read.release();
    (await second).release();
  });
});

describe('errors', () => {
  test('a thread does not wait for itself', () => {
    const lock = new RwLock('own');
    lock.withRead(() => expect(codeOf(() => lock.acquireWrite())).toBe('LOCK_REENTRY'));
    lock.withWrite(() => {
      expect(codeOf(() => lock.acquireWrite())).toBe('LOCK_REENTRY');
      expect(codeOf(() => lock.acquireRead())).toBe('LOCK_REENTRY');
    });
    lock.withRead(() => expect(lock.tryAcquireWrite()).toBeUndefined());
    lock.acquireWrite().release();
  });

  test('what is not held cannot be released', () => {
    const lock = new RwLock();
    expect(codeOf(() => lock.releaseRead())).toBe('LOCK_NOT_HELD');
    expect(codeOf(() => lock.releaseWrite())).toBe('LOCK_NOT_HELD');
    const lease = lock.acquireRead();
    expect(codeOf(() => lock.releaseWrite())).toBe('LOCK_NOT_HELD');
    lease.release();
    expect(codeOf(() => lease.release())).toBe('LOCK_NOT_HELD');
    lease[Symbol.dispose]();
  });

  test('another kind of lock of that name', () => {
    expect(new Mutex('kind of mutex').name).toBe('kind of mutex');
    expect(codeOf(() => new RwLock('kind of mutex'))).toBe('LOCK_KIND');
    expect(codeOf(() => RwLock.from(new Mutex().handle))).toBe('LOCK_KIND');
    expect(codeOf(() => new RwLock({ buffer: new SharedArrayBuffer(RwLock.BYTES - 64) }))).toBe('LOCK_OPTION');
  });
});

describe('threads that end', () => {
  test('a writer: all are told until another writes', () => {
    const lock = new RwLock();
    const dead = other(lock);
    dead.write();
    expect(lock.tryAcquireRead()).toBeUndefined();
    dead.die();
    expect(lock.withRead(({ abandoned }) => abandoned)).toBe(true);
    expect(lock.withRead(({ abandoned }) => abandoned)).toBe(true);
    expect(lock.withWrite(({ abandoned }) => abandoned)).toBe(true);
    expect(lock.withRead(({ abandoned }) => abandoned)).toBe(false);
    expect(wordsOf(lock)[BLOCK.ABANDONMENTS >> 2]).toBe(1);
  });

  test('a writer that only waited: nobody is told', () => {
    const lock = new RwLock();
    const read = lock.acquireRead();
    const dead = other(lock);
    dead.write();
    dead.die();
    read.release();
    expect(lock.withWrite(({ abandoned }) => abandoned)).toBe(false);
    expect(wordsOf(lock)[BLOCK.ABANDONMENTS >> 2]).toBe(0);
  });

  test('a reader is taken out', () => {
    const lock = new RwLock();
    const dead = other(lock);
    dead.read();
    expect(lock.tryAcquireWrite()).toBeUndefined();
    dead.die();
    expect(lock.withWrite(({ abandoned }) => abandoned)).toBe(false);
    expect(wordsOf(lock)[BLOCK.ABANDONMENTS >> 2]).toBe(1);
  });
});

test('holders: the writer, pending or not, and the readers', () => {
  const lock = new RwLock('held');
  const { memory, word } = lockThread();
  const { views } = memory;
  const at = lock.handle.byteOffset;
  expect(holdersOf(views, at, memory)).toEqual([]);
  const leases = [lock.acquireRead(), lock.acquireRead()];
  const writer = other(lock);
  writer.write();
  expect(holdersOf(views, at, memory)).toEqual([
    { word: expect.any(Number), mode: 'exclusive', isPending: true, count: 1 },
    { word, mode: 'shared', isPending: false, count: 2 },
  ]);
  for (const lease of leases) lease.release();
  writer.write();
  expect(holdersOf(views, at, memory)).toMatchObject([{ mode: 'exclusive', isPending: false }]);
});

test('counts: by mode', () => {
  const lock = new RwLock();
  for (let i = 0; i < 3; i++) lock.withRead(() => {});
  lock.withWrite(() => {});
  const words = wordsOf(lock);
  expect([words[BLOCK.ACQUISITIONS >> 2], words[BLOCK.SHARED_ACQUISITIONS >> 2]]).toEqual([1, 3]);
  const reader = other(lock);
  reader.read();
  codeOf(() => lock.acquireWrite({ timeoutMs: 1 }));
  expect(words[BLOCK.TIMEOUTS >> 2]).toBe(1);
  const writer = other(lock);
  writer.write();
  codeOf(() => lock.acquireRead({ timeoutMs: 1 }));
  expect(words[BLOCK.SHARED_TIMEOUTS >> 2]).toBe(1);
});
