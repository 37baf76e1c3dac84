/**
 * Traces that a Collector has taken, by name: each is one span with an error, which no sampling drops, posted by itself, and goes on the list once it was
 * acknowledged. Runs in a test's own process. Some clients at a time post one after the other until they are stopped; one that is refused, or finds nobody,
 * goes on with another trace.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { spansRequest } from './otlp-payloads.ts';

const CLIENTS = 4;
/** Of a client between two posts: a load, not a flood. */
const PAUSE_MS = 10;
const LASTS_MS = 5;

export class AcknowledgedLoad {
  /** Trace ids. */
  readonly acknowledged: string[] = [];
  /** Posts that were not. */
  refusals = 0;
  readonly #url: string;
  readonly #service: string;
  readonly #clients: Promise<void>[];
  #isStopped = false;

  /** @param url - as OTEL_EXPORTER_OTLP_ENDPOINT. */
  constructor(url: string, service: string) {
    this.#url = `${url}/v1/traces`;
    this.#service = service;
    this.#clients = Array.from({ length: CLIENTS }, async () => this.#post());
  }

  /** Resolves when what was under way has been answered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  async #post(): Promise<void> {
    while (!this.#isStopped) {
      const traceId = randomBytes(16).toString('hex');
      const endMs = Date.now();
      const span = { name: 'posted', traceId, startMs: endMs - LASTS_MS, endMs, hasFailed: true };
      const body = spansRequest([span], 'load', { 'service.name': this.#service, 'service.instance.id': 'load' });
      if (await this.#isTaken(JSON.stringify(body))) this.acknowledged.push(traceId);
      else this.refusals++;
      await pause(PAUSE_MS);
    }
  }

  async #isTaken(body: string): Promise<boolean> {
    try {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(this.#url, { method: 'POST', headers, body });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}
