/**
 * What the agent thread asks of libuv's thread pool to see how long something waits there, and how its own event loop spends its time meanwhile.
 *
 * Runs on the agent thread. The pool belongs to all threads of the process: what is asked here must be over in microseconds.
 */
import { fstat } from 'node:fs';
import { performance } from 'node:perf_hooks';

/* Looks at no path, so that neither a slow file system nor the permission model can come into it; it may be closed. */
const STDERR = 2;

/** Does next to nothing on a thread of the pool, and then calls back. */
export function probeThreadPool(done: () => void): void {
  fstat(STDERR, () => done());
}

/** For how long the calling thread's event loop has waited for something to do, in milliseconds. */
export function idleTimeMs(): number {
  return performance.eventLoopUtilization().idle;
}
