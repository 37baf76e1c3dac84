/**
 * Requests that can each be found again: every one bears a trace id of its own, and goes on the list once it was answered. Runs in a test's own process.
 * Some clients at a time, each waiting for its answer, until it is stopped.
 */
import { randomBytes } from 'node:crypto';

const CLIENTS = 4;
const PATHS = ['/products?page=3', '/search?text=warm', '/stock', '/products?page=7'] as const;

export class TaggedLoad {
  /** Trace ids, in the order of the answers. */
  readonly answered: string[] = [];
  readonly #url: string;
  readonly #clients: Promise<void>[];
  #isStopped = false;

  constructor(url: string) {
    this.#url = url;
    this.#clients = Array.from({ length: CLIENTS }, async () => this.#request());
  }

  /** Resolves when what was under way has been answered; rejects when a request was not. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  async #request(): Promise<void> {
    for (let count = 0; !this.#isStopped; count++) {
      const traceId = randomBytes(16).toString('hex');
      const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
      const response = await fetch(this.#url + PATHS[count % PATHS.length], { headers: { traceparent } });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`the shop answers ${response.status}`);
      this.answered.push(traceId);
    }
  }
}
