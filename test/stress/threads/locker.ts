/**
 * A thread that takes one mutex again and again in every way there is, and checks each time that it alone has it. It ends after its rounds, or goes on for
 * ever, to be terminated in the middle.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Lease, LockHandle } from '../../../agent/app-thread/sync/index.ts';
import { GridwatchError, Mutex } from '../../../agent/app-thread/sync/index.ts';
import type { Counted } from '../../support/outcomes.ts';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';
import { LOCKER } from './locker-words.ts';

export interface LockerData {
  readonly handle: LockHandle;
  /** 0: for ever. */
  readonly rounds: number;
}

const { buffer, seed, index, handle, rounds } = workerData as ThreadData & LockerData;
const words = new Int32Array(buffer);
const random = new Random(seed);
const mutex = Mutex.from(handle);
const acceptable = new Map<string, number>();
const forbidden = new Map<string, string>();
const count = (outcome: string): void => void acceptable.set(outcome, (acceptable.get(outcome) ?? 0) + 1);
const forbid = (outcome: string, first: string): void => {
  forbidden.set(outcome, first);
  if (rounds === 0) parentPort?.postMessage(`${outcome}: ${first}`);
};

function section(lease: Lease, outcome: string): void {
  const before = Atomics.exchange(words, LOCKER.INSIDE, index + 1);
  if (lease.abandoned) {
    Atomics.add(words, LOCKER.ABANDONED, 1);
    words[LOCKER.SECOND] = words[LOCKER.FIRST] as number;
  } else {
    if (before !== 0)
      forbid('two at once, or an abandoned lock that nobody was told of', `${index + 1} beside ${before}`);
    if (words[LOCKER.FIRST] !== words[LOCKER.SECOND])
      forbid('a torn section', `${words[LOCKER.FIRST]}, ${words[LOCKER.SECOND]}`);
  }
  words[LOCKER.FIRST] = (words[LOCKER.FIRST] as number) + 1;
  if (random.below(4) === 0) random.pause();
  words[LOCKER.SECOND] = words[LOCKER.FIRST] as number;
  Atomics.store(words, LOCKER.INSIDE, 0);
  count(lease.abandoned ? `${outcome}, abandoned` : outcome);
  Atomics.add(words, LOCKER.ACQUIRED, 1);
  lease.release();
}

function isTimeout(error: unknown): boolean {
  return error instanceof GridwatchError && error.code === 'ERR_GRIDWATCH_LOCK_TIMEOUT';
}

async function oneRound(): Promise<void> {
  const way = random.below(20);
  if (way < 10) return section(mutex.acquire(), 'blocked');
  if (way < 12) {
    const lease = mutex.tryAcquire();
    return lease === undefined ? count('not at once') : section(lease, 'at once');
  }
  try {
    if (way < 15) return section(mutex.acquire({ timeoutMs: random.below(3) }), 'blocked, bounded');
    if (way < 17) return section(await mutex.acquireAsync({ timeoutMs: random.below(3) }), 'asynchronous, bounded');
    if (way < 18) return section(await mutex.acquireAsync(), 'asynchronous');
    const controller = new AbortController();
    const taken = mutex.acquireAsync({ signal: controller.signal });
    if (random.below(2) === 0) await Promise.resolve();
    controller.abort();
    return section(await taken, 'asynchronous, though aborted');
  } catch (error) {
    if (isTimeout(error)) count('timed out');
    else if (error instanceof Error && error.name === 'AbortError') count('aborted');
    else throw error;
  }
}

parentPort?.postMessage('started');
/* Together, or the first is done before the last begins. */
if (rounds > 0 && Atomics.sub(words, LOCKER.STARTING, 1) === 1) Atomics.notify(words, LOCKER.STARTING);
for (let left = Atomics.load(words, LOCKER.STARTING); left > 0; left = Atomics.load(words, LOCKER.STARTING))
  Atomics.wait(words, LOCKER.STARTING, left);
const last = rounds === 0 ? Number.POSITIVE_INFINITY : rounds;
for (let round = 0; round < last; round++) await oneRound();
const counted: Counted = { acceptable: [...acceptable], forbidden: [...forbidden] };
parentPort?.postMessage(counted);
