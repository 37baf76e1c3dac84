/**
 * Starts the threads of a stress test: plain workers on the test's own control buffer, without the agent. Runs in the
 * test's own process.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build, stop } from 'esbuild';
import { runSeed } from './random.ts';

/** What every thread of a stress test is given, besides its own. */
export interface ThreadData {
  readonly buffer: SharedArrayBuffer;
  readonly seed: number;
  readonly index: number;
}

export interface TestThread {
  readonly worker: Worker;
  /** The next message of the thread, none is missed; rejects when it fails or ends before. */
  readonly message: () => Promise<unknown>;
  /** Resolves when the thread is gone, whatever ended it. */
  readonly gone: Promise<void>;
}

/** A thread's file joined with all that it imports: it starts three times as fast, where hundreds of them do. */
export async function joinThread(file: URL): Promise<URL> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(file)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
  });
  await stop();
  const text = outputFiles[0]?.text ?? '';
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

/** The same in a file of its own, for one that asks where it stands. Gives back what removes it, too. */
export async function joinThreadFile(file: URL): Promise<{ readonly file: URL; readonly remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'gridwatch-thread-'));
  const outfile = join(folder, 'thread.mjs');
  await build({
    entryPoints: [fileURLToPath(file)],
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'node',
    /* The oldest of the matrix has no `using`. */
    target: 'node22',
    logLevel: 'silent',
  });
  await stop();
  return { file: pathToFileURL(outfile), remove: async () => rm(folder, { recursive: true, force: true }) };
}

export function startThread(file: URL, buffer: SharedArrayBuffer, index: number, own: object = {}): TestThread {
  const data: ThreadData = { buffer, seed: runSeed + index, index };
  const worker = new Worker(file, { workerData: { ...data, ...own }, execArgv: [] });
  const messages: unknown[] = [];
  let failure: Error | undefined;
  let hasNews = (): void => {};
  worker.on('message', (message) => {
    messages.push(message);
    hasNews();
  });
  worker.once('error', (error: Error) => (failure = error));
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      failure ??= new Error(`thread ${index} ended with ${code} without a message`);
      hasNews();
      resolve();
    });
  });
  const message = async (): Promise<unknown> => {
    while (messages.length === 0) {
      if (failure !== undefined) throw failure;
      await new Promise<void>((resolve) => (hasNews = resolve));
    }
    return messages.shift();
  };
  return { worker, gone, message };
}

export function startThreads(
  count: number,
  file: URL,
  buffer: SharedArrayBuffer,
  own: (index: number) => object = () => ({}),
): TestThread[] {
  return Array.from({ length: count }, (_, index) => startThread(file, buffer, index, own(index)));
}
