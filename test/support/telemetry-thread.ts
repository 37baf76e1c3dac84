/**
 * Starts a thread with the agent's telemetry in it, in an environment of the test's choosing, and talks to it. Runs in a test's own process. The
 * environment is complete: nothing of the machine's own `OTEL_*` variables reaches the thread.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { SpanRecord } from '../../agent/agent-thread/telemetry/spans.ts';
import type { Request, State } from '../fixtures/telemetry/thread.ts';

export type { State };

export class TelemetryThread {
  readonly #worker: Worker;
  #stdout = '';
  #stderr = '';

  private constructor(env: Readonly<Record<string, string>>) {
    const file = new URL('../fixtures/telemetry/thread.ts', import.meta.url);
    this.#worker = new Worker(file, { env: { ...env }, execArgv: [], stdout: true, stderr: true });
    this.#worker.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#worker.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
  }

  /** Resolves when the SDK has been loaded, or is known not to be. */
  static async start(env: Readonly<Record<string, string>>): Promise<TelemetryThread> {
    const thread = new TelemetryThread(env);
    await once(thread.#worker, 'message');
    return thread;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  async flush(timeoutMs = 10_000): Promise<State> {
    return this.#ask({ do: 'flush', timeoutMs });
  }

  /** Spans of 123 456 789 ns; with flags each is the child of another span. */
  async emitSpans(count: number, more: { isIncident?: boolean; traceFlags?: number } = {}): Promise<State> {
    return this.#ask({ do: 'spans', count, ...more });
  }

  async emitSpan(span: SpanRecord): Promise<State> {
    return this.#ask({ do: 'span', span });
  }

  async emitLog(severity: 'info' | 'error'): Promise<State> {
    return this.#ask({ do: 'log', severity });
  }

  async state(): Promise<State> {
    return this.#ask({ do: 'state' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  async #ask(request: Request): Promise<State> {
    const answer = once(this.#worker, 'message');
    this.#worker.postMessage(request);
    const [state] = (await answer) as [State];
    return state;
  }
}
