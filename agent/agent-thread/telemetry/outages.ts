/**
 * Tells the person at the terminal when an endpoint cannot be reached and when it can again: one line for an outage, however many signals and
 * attempts it takes. Runs on the agent thread. It must never say more than one such pair of lines a minute for an endpoint.
 */
import type { Diag } from '../../diag.ts';
import type { Signal } from './catalog.ts';

const REPORT_EVERY_MS = 60_000;

interface Outage {
  readonly failing: Set<Signal>;
  sinceMs: number;
  isReported: boolean;
}

export class Outages {
  readonly #diag: Diag;
  readonly #nowMs: () => number;
  readonly #outages = new Map<string, Outage>();
  readonly #reportedMs = new Map<string, number>();

  constructor(diag: Diag, nowMs: () => number) {
    this.#diag = diag;
    this.#nowMs = nowMs;
  }

  /** A request did not arrive, or was turned down. */
  failed(endpoint: string, signal: Signal, reason: string): void {
    const nowMs = this.#nowMs();
    let outage = this.#outages.get(endpoint);
    if (outage === undefined) {
      outage = { failing: new Set(), sinceMs: nowMs, isReported: false };
      this.#outages.set(endpoint, outage);
    }
    outage.failing.add(signal);
    if (outage.isReported || nowMs - (this.#reportedMs.get(endpoint) ?? -REPORT_EVERY_MS) < REPORT_EVERY_MS) return;
    outage.isReported = true;
    this.#reportedMs.set(endpoint, nowMs);
    this.#diag.warn(`cannot deliver ${signal} to ${endpoint}: ${reason}`);
  }

  delivered(endpoint: string, signal: Signal): void {
    const outage = this.#outages.get(endpoint);
    if (outage === undefined || !outage.failing.delete(signal) || outage.failing.size > 0) return;
    this.#outages.delete(endpoint);
    if (!outage.isReported) return;
    const seconds = Math.round((this.#nowMs() - outage.sinceMs) / 1000);
    this.#diag.info(`${endpoint} takes what it is sent again, after ${seconds} s`);
  }
}
