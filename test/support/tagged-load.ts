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
  /** The same by path, each with the milliseconds it took. */
  readonly byPath: Map<string, Map<string, number>> = new Map();
  readonly #url: string;
  readonly #paths: readonly string[];
  readonly #clients: Promise<void>[];
  #isStopped = false;

  /** @param paths - what is asked for, in turn; default: what the shop has. */
  constructor(url: string, paths: readonly string[] = PATHS) {
    this.#url = url;
    this.#paths = paths;
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
      const path = this.#paths[count % this.#paths.length] ?? '';
      const startedMs = performance.now();
      const response = await fetch(this.#url + path, { headers: { traceparent } });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${this.#url} answers ${response.status}`);
      this.answered.push(traceId);
      const ofPath = this.byPath.get(path) ?? new Map<string, number>();
      this.byPath.set(path, ofPath.set(traceId, performance.now() - startedMs));
    }
  }
}
