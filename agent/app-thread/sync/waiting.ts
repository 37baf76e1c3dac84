/**
 * A blocking wait for a lock: spins briefly, then parks, in slices, and looks after each of them whether the holder still lives, whether the time is up,
 * and whether the agent wants the wait to end.
 *
 * Runs on application threads, which it blocks. The wait word and what is told of the wait are the observer's; without the agent the wait is the same.
 *
 * Invariants
 * P1  A thread parks only after an attempt that has seen to its being notified, and on the value that the attempt left: a release in between is seen.
 * P2  A waiter that was notified attempts again, with `hasOthers`, before anything else, and lets the kind pass the notification on before it gives up: none
 *     is lost while its thread lives. What a thread takes with it when it dies, the next slice of the others makes good.
 */
import { GridwatchError } from '../../errors.ts';
import type { LockKind } from '../../shared-memory/lock-block.ts';
import { LOCK_THREAD } from '../../shared-memory/lock-memory.ts';
import { endsSoon } from '../../shared-memory/wait-word.ts';
import type { LockObserver } from '../lock-observer.ts';
import type { Contended } from './contended.ts';
import { Wait } from './wait-report.ts';

/** What a wait that ran out of time has not seen. */
const NOT_SEEN: Partial<Record<LockKind, string>> = {
  condition: 'was not notified',
  barrier: 'was not reached by all parties',
  channel: 'was full, or had no item,',
};
const pause: () => void = Reflect.get(Atomics, 'pause') ?? ((): void => {});
/** Where there is one core nobody can release while another spins. */
const CAN_SPIN = process.getBuiltinModule('node:os').availableParallelism() > 1;
/** As glibc's adaptive mutex: twice what it took lately, and a little more; a hundred pauses are some microseconds. */
const MAX_SPINS = 100;
const MIN_SPINS = 10;

/** After a first slice the wait is long: it is described. No holder is dead for longer than the last before that is seen. */
const SLICES_MS = [1, 100, 1000] as const;

/** Waits until `contended` is acquired. Throws when the time is up, or the agent ends the wait. */
export function waitBlocking(contended: Contended, timeoutMs: number): void {
  const { lock, isQueue } = contended;
  const wait = new Wait(lock, contended.mode);
  wait.holder = contended.holder;
  if (timeoutMs > 0 && CAN_SPIN && spin(contended)) {
    if (!isQueue) wait.acquired();
    return;
  }
  const outcome = block(contended, wait, timeoutMs);
  if (outcome === 'acquired') {
    if (!isQueue) wait.acquired();
    return;
  }
  if (!isQueue) wait.failed(outcome);
  throw failure(outcome, contended, timeoutMs);
}

type Outcome = 'acquired' | 'timeout' | 'deadlock';

/** Says that the thread waits, for as long as it does. */
function block(contended: Contended, wait: Wait, timeoutMs: number): Outcome {
  const { lock, mode, isQueue } = contended;
  const { thread } = lock;
  const observer = thread.recording;
  thread.tell(LOCK_THREAD.ABORT, 0);
  thread.tell(LOCK_THREAD.AWAITED, lock.id);
  if (isQueue) observer?.beginQueueWait(lock.id, wait.startNs);
  else observer?.beginWait(lock.id, lock.kind, mode, wait.startNs, endsSoon(timeoutMs));
  try {
    return park(contended, wait, observer, wait.startNs + timeoutMs * 1e6);
  } finally {
    observer?.endWait(thread.clock.nowNs());
    thread.tell(LOCK_THREAD.AWAITED, 0);
  }
}

function park(contended: Contended, wait: Wait, observer: LockObserver | undefined, deadlineNs: number): Outcome {
  const { lock } = contended;
  const { words, thread } = lock;
  let hasParked = false;
  for (let slice = 0; ; ) {
    if (contended.attempt(hasParked, false)) return 'acquired';
    wait.holder = contended.holder;
    const leftMs = (deadlineNs - thread.clock.nowNs()) / 1e6;
    const isAborted = hasParked && thread.takeAbort(lock.id);
    if (leftMs <= 0 || isAborted) {
      contended.passOn();
      return isAborted ? 'deadlock' : 'timeout';
    }
    const sliceMs = Math.min(SLICES_MS[slice] as number, leftMs);
    const woken = thread.atomics.wait(words, contended.parkAt, contended.parkValue, sliceMs);
    hasParked ||= woken !== 'not-equal';
    if (woken !== 'timed-out') continue;
    if (slice === 0 && observer !== undefined) describe(observer, wait);
    if (slice < SLICES_MS.length - 1) slice++;
    contended.bury();
  }
}

function describe(observer: LockObserver, wait: Wait): void {
  const { siteNumber, stackNumber } = wait.describe(observer);
  const heldIds = wait.lock.thread.heldIds();
  observer.describeWait({ siteNumber, stackNumber, context: wait.context, heldIds });
}

/** Tries for some microseconds, as long as it took lately. */
function spin(contended: Contended): boolean {
  const { lock } = contended;
  const most = Math.min(MAX_SPINS, lock.spins * 2 + MIN_SPINS);
  let spins = 0;
  let isAcquired = false;
  for (; spins < most && !isAcquired; spins++) {
    pause();
    isAcquired = contended.isFree() && contended.attempt(false, false);
  }
  lock.spins += (spins - lock.spins) / 8;
  return isAcquired;
}

/** Whether a wait has failed because its time was up. */
export function isTimeout(error: unknown): boolean {
  return error instanceof GridwatchError && error.code === 'ERR_GRIDWATCH_LOCK_TIMEOUT';
}

/** The error of a wait that has failed. */
export function failure(outcome: 'timeout' | 'deadlock', { lock }: Contended, timeoutMs: number): GridwatchError {
  const what = lock.name === '' ? `the ${lock.kind}` : `the ${lock.kind} '${lock.name}'`;
  return outcome === 'timeout'
    ? new GridwatchError(
        'ERR_GRIDWATCH_LOCK_TIMEOUT',
        `${what} ${NOT_SEEN[lock.kind] ?? 'could not be acquired'} within ${timeoutMs} ms`,
      )
    : new GridwatchError(
        'ERR_GRIDWATCH_DEADLOCK',
        `the wait for ${what} was part of a deadlock, and was ended to resolve it: release what is held, so that the others go on, and try again`,
      );
}
