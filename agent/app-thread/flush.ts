/**
 * Asks the agent thread to deliver everything recorded so far, and waits for it, bounded.
 *
 * Runs on application threads. The exiting thread blocks in `Atomics.wait` until the agent thread has answered or the deadline has passed: its
 * own event loop is over by then, and the agent's network does not need it.
 */
import { ring } from '../shared-memory/doorbell.ts';
import { AgentState, type ControlMemory, HEADER } from '../shared-memory/layout.ts';

/* The originals: these waits are the agent's own. */
const { wait, waitAsync } = Atomics;
const REQUESTED = HEADER.FLUSH_REQUESTED >> 2;
const DONE = HEADER.FLUSH_DONE >> 2;

/** An agent thread that starts anew says so by its state: a waiter looks this often. */
const SLICE_MS = 100;

function request(memory: ControlMemory): number {
  const ticket = (Atomics.add(memory.i32, REQUESTED, 1) + 1) | 0;
  ring(memory);
  return ticket;
}

function isReached(done: number, ticket: number): boolean {
  return ((done - ticket) | 0) >= 0;
}

function canAnswer(memory: ControlMemory): boolean {
  const state = Atomics.load(memory.i32, HEADER.AGENT_STATE >> 2);
  return state !== AgentState.NONE && state !== AgentState.FAILED;
}

/** Blocks the calling thread until everything is delivered, `timeoutMs` have passed, or nobody is there to answer. */
export function flushBlocking(memory: ControlMemory, timeoutMs: number): boolean {
  if (!canAnswer(memory)) return false;
  const deadlineMs = performance.now() + timeoutMs;
  const ticket = request(memory);
  for (;;) {
    const done = Atomics.load(memory.i32, DONE);
    if (isReached(done, ticket)) return true;
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0 || !canAnswer(memory)) return false;
    wait(memory.i32, DONE, done, Math.min(leftMs, SLICE_MS));
  }
}

/** The same without blocking; keeps the process alive while it waits. */
export async function flushWaiting(memory: ControlMemory, timeoutMs: number): Promise<boolean> {
  if (!canAnswer(memory)) return false;
  const deadlineMs = performance.now() + timeoutMs;
  const ticket = request(memory);
  const keepAlive = setInterval(() => {}, SLICE_MS);
  try {
    for (;;) {
      const done = Atomics.load(memory.i32, DONE);
      if (isReached(done, ticket)) return true;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || !canAnswer(memory)) return false;
      await waitAsync(memory.i32, DONE, done, Math.min(leftMs, SLICE_MS)).value;
    }
  } finally {
    clearInterval(keepAlive);
  }
}
