/**
 * Who works for the queues of one name, and how busy they were: of pools, of connection pools, and of queues that serve a bounded number of items at once.
 *
 * Runs on the agent thread. What it is told comes out of shared memory, where another thread may be just writing: what cannot be is cut to what can.
 */
import type { Attributes } from '../telemetry/catalog.ts';
import type { MetricSink } from '../telemetry/metrics.ts';

/** Two exports this close to one another, as at a flush, tell the same: a fraction of nothing says nothing. */
const MIN_INTERVAL_NS = 100e6;

export class PoolUse {
  /** As of the last look. */
  active = 0;
  threads = 0;
  limit = 0;
  /** Time that was worked, summed up over all who did; only grows. */
  busyNs = 0;
  #utilization = 0;
  #toldNs = 0;
  #toldBusyNs = 0;
  #toldWorkers = 0;

  reset(): void {
    this.active = 0;
    this.threads = 0;
    this.limit = 0;
  }

  /** One of the queues of this name has so many now. */
  has(active: number, threads: number, limit: number): void {
    this.active += Math.max(0, active);
    this.threads += Math.max(0, threads);
    this.limit += Math.max(0, limit);
  }

  /** `hasThreads`: it tells how many there are; else as many as may. */
  emit(sink: MetricSink, queue: Attributes, hasThreads: boolean, nowNs: number): void {
    const workers = Math.max(hasThreads ? this.threads : this.limit, this.active);
    const utilization = this.#utilizationUntil(nowNs, workers);
    if (!hasThreads && this.limit === 0) return;
    const count = (state: 'active' | 'idle', value: number): void =>
      sink.sum('gridwatch.pool.thread.count', { ...queue, 'gridwatch.pool.thread.state': state }, value);
    count('active', this.active);
    count('idle', workers - this.active);
    if (this.limit > 0) sink.sum('gridwatch.pool.thread.limit', queue, this.limit);
    sink.gauge('gridwatch.pool.utilization', queue, utilization);
  }

  /** Between two exports the number of workers is taken to have changed evenly. */
  #utilizationUntil(nowNs: number, workers: number): number {
    const elapsedNs = nowNs - this.#toldNs;
    if (this.#toldNs > 0 && elapsedNs < MIN_INTERVAL_NS) return this.#utilization;
    const workedNs = this.busyNs - this.#toldBusyNs;
    const thereNs = ((workers + this.#toldWorkers) / 2) * elapsedNs;
    /* Of the first export nobody knows since when there is anybody. */
    const isFirst = this.#toldNs === 0;
    this.#toldNs = nowNs;
    this.#toldBusyNs = this.busyNs;
    this.#toldWorkers = workers;
    if (isFirst) this.#utilization = workers > 0 ? this.active / workers : 0;
    else this.#utilization = thereNs > 0 ? Math.min(1, Math.max(0, workedNs / thereNs)) : 0;
    return this.#utilization;
  }
}
