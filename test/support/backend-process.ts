/**
 * A backend that runs: started, asked until it is ready, killed and started again in the same place. Runs in a test's own process; the backend is a
 * process of its own, with an environment of its own. It must never outlive its test: whoever starts one disposes of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.ts';

/** A cold start of Jaeger on a machine that is busy with other things. */
const READY_MAX_MS = 90_000;
const READY_POLL_MS = 100;

export interface BackendOptions {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Answers 200 once the backend is ready. */
  readonly readyUrl: string;
}

export class BackendProcess implements AsyncDisposable {
  readonly #options: BackendOptions;
  readonly #output: Buffer[] = [];
  #child: ChildProcess | undefined;

  private constructor(options: BackendOptions) {
    this.#options = options;
  }

  /** Resolves when it is ready; rejects with what it wrote when it ends instead. */
  static async start(options: BackendOptions): Promise<BackendProcess> {
    const backend = new BackendProcess(options);
    await backend.start();
    return backend;
  }

  get name(): string {
    return this.#options.name;
  }

  /** What all its processes have written, to either stream. */
  get output(): string {
    return Buffer.concat(this.#output).toString();
  }

  /** Starts it again, after a `kill`. */
  async start(): Promise<void> {
    const { name, file, args, cwd, env, readyUrl } = this.#options;
    const { PATH = '', HOME = cwd } = process.env;
    const child = spawn(file, args, { cwd, env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => this.#output.push(chunk));
    const ended = new AbortController();
    child.once('exit', () => ended.abort());
    child.once('error', () => ended.abort());
    const isReady = async (): Promise<boolean> => ended.signal.aborted || (await answersOk(readyUrl));
    try {
      await eventually(`${name} to be ready`, isReady, { deadlineMs: READY_MAX_MS, intervalMs: READY_POLL_MS });
    } catch (error) {
      await this.kill();
      throw new Error(`${(error as Error).message}; it wrote:\n${this.output}`, { cause: error });
    }
    if (ended.signal.aborted) throw new Error(`${name} ended before it was ready; it wrote:\n${this.output}`);
  }

  /** Resolves when the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}
