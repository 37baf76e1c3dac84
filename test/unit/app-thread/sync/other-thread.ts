/** Another thread as it stands in lock memory: its words can be written for it, and it can end. Runs in a test's own process. */
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { claimLockThread, freeLockThread } from '../../../../agent/shared-memory/lock-threads.ts';
import { generationOf } from '../../../../agent/shared-memory/lock-word.ts';

export interface OtherThread {
  readonly word: number;
  /** It is known to be dead from now on. */
  end(): void;
}

export function otherThread(): OtherThread {
  const { memory } = lockThread();
  const identity = { osThreadId: 0, threadId: 9, startTicks: 0, agentSlot: 0, agentGeneration: 0 };
  const claim = claimLockThread(memory, identity, false);
  if (claim === undefined) throw new Error('all entries are in use');
  const { thread, word } = claim;
  return { word, end: () => void freeLockThread(memory, thread, generationOf(word)) };
}
