/**
 * What a kind of lock gives to be waited for, in one blocking wait (`waiting.ts`) or many asynchronous ones (`async-waiting.ts`) of a thread.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import type { LocalLock } from './local-lock.ts';

/** One way to take a lock. One object a thread and lock: it keeps nothing of a single wait but what the last attempt left. */
export interface Contended {
  readonly lock: LocalLock;
  readonly mode: LockMode;
  /** A full or empty queue is waited for: the wait is no lock's, and is not counted here. */
  readonly isQueue: boolean;
  /**
   * Takes the lock; or sees to it that whoever releases it will notify the word `parkAt` and, if `isAsync`, the generation; and leaves where and on what
   * to park. `hasOthers`: there may be waiters whom only this one's release will wake, so the release must notify.
   */
  attempt(hasOthers: boolean, isAsync: boolean): boolean;
  /** After an attempt that failed: the index of a word of the block, what it must still be, and whose release is awaited (0: nobody's that is known). */
  readonly parkAt: number;
  readonly parkValue: number;
  readonly holder: number;
  /** Whether an attempt is worth while: one load. */
  isFree(): boolean;
  /** Takes the lock away from holders that are dead; true when there were any. */
  bury(): boolean;
  /** A blocked waiter gives up: wakes another one in its place, if it may have been woken itself and no later release would. */
  passOn(): void;
}
