/**
 * Set-up of every test file: fails the file when it leaves a worker, a child process or another handle behind.
 *
 * Runs in the test's own process. Workers and children announce themselves through Node's own channels, so that even
 * an unreferenced one is seen; sockets, servers and ports are compared with what was active before the file. What is
 * closing needs a moment: it is polled for, and whatever is still there then is named, and ended so that no other
 * file meets it. Timers are left out: the test runner's own come and go.
 */
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as pause, setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll } from 'vitest';

/** Long enough for a worker with the agent in it to end, and within every project's time limit for hooks. */
const SETTLE_MS = 5_000;
const POLL_MS = 20;

const liveWorkers = new Set<Worker>();
const liveChildren = new Set<ChildProcess>();
let before = new Map<string, number>();

process.on('worker', (worker) => {
  liveWorkers.add(worker);
  worker.once('exit', () => liveWorkers.delete(worker));
});

subscribe('child_process', (message) => {
  const { process: child } = message as { process: ChildProcess };
  liveChildren.add(child);
  child.once('exit', () => liveChildren.delete(child));
  child.once('error', () => child.pid === undefined && liveChildren.delete(child));
});

function activeHandles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== 'Timeout' && kind !== 'Immediate') counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function leftBehind(): string[] {
  const found: string[] = [];
  for (const worker of liveWorkers) found.push(`worker ${worker.threadId}`);
  for (const child of liveChildren) found.push(`process ${child.pid} (${child.spawnargs.join(' ')})`);
  for (const [kind, count] of activeHandles()) {
    const extra = count - (before.get(kind) ?? 0);
    if (extra > 0) found.push(`${extra} ${kind}`);
  }
  return found;
}

beforeAll(() => {
  before = activeHandles();
});

afterAll(async () => {
  await turnOfTheLoop(); // Node announces a worker in the tick after `new Worker`.
  const deadlineMs = performance.now() + SETTLE_MS;
  while (leftBehind().length > 0 && performance.now() < deadlineMs) await pause(POLL_MS);
  const found = leftBehind();
  for (const child of liveChildren) child.kill('SIGKILL');
  await Promise.all(Array.from(liveWorkers, async (worker) => worker.terminate()));
  if (found.length > 0) throw new Error(`the test file left behind: ${found.join(', ')}`);
}, 2 * SETTLE_MS);
