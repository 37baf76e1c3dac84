/**
 * The doorbell wakes the agent thread before its next poll.
 *
 * `ring` runs on application threads and must never block; the answering end runs on the agent thread, whose event loop must stay free,
 * so it waits by `Atomics.waitAsync` and always has a poll besides: a lost wake-up costs a poll interval, never a record.
 */
import { type ControlMemory, HEADER } from './layout.ts';

/* The originals: the application's `Atomics` are patched, and a wait of the agent's own must not show as one of the program's. */
const { exchange, load, notify, waitAsync } = Atomics;
const BELL = HEADER.DOORBELL >> 2;

/** Wakes the agent thread; a bell that is already rung is left alone, so a burst of calls costs one notify. */
export function ring(memory: ControlMemory): void {
  if (load(memory.i32, BELL) === 0 && exchange(memory.i32, BELL, 1) === 0) notify(memory.i32, BELL);
}

/** Takes the bell down before draining: what is rung from now on is rung for the next drain. */
export function answer(memory: ControlMemory): void {
  exchange(memory.i32, BELL, 0);
}

/** Resolves when the bell rings; undefined when it is rung already. It does not keep the thread alive. */
export function untilRung(memory: ControlMemory): Promise<unknown> | undefined {
  const { async, value } = waitAsync(memory.i32, BELL, 0);
  return async ? value : undefined;
}
