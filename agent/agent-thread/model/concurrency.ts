/**
 * How many threads run at once and how many would like to: `gridwatch.cpu.parallelism` and `gridwatch.cpu.demand`.
 *
 * Runs on the agent thread. Averages over the time since the numbers were last collected: sums of thread time divided by the time that passed.
 * The kernel's clocks and ours are read one after the other, so a value may exceed the number of CPUs by a hair.
 */
import type { MetricSink } from '../telemetry/metrics.ts';
import type { ThreadUsage } from './thread-usage.ts';

/** A shorter interval, as when two readers collect one after the other, keeps the last value. */
const MIN_INTERVAL_NS = 1e9;

export class Concurrency {
  #sinceNs: number;
  #lastRunningNs = 0;
  #lastDemandNs = 0;
  #parallelism: number | undefined;
  #demand = 0;

  constructor(processStartNs: number) {
    this.#sinceNs = processStartNs;
  }

  /** `usages`: what all threads have used since the process began. The agent's own is not among it: it is not what the program does. */
  emit(sink: MetricSink, nowNs: number, usages: Iterable<ThreadUsage>): void {
    const elapsedNs = nowNs - this.#sinceNs;
    if (elapsedNs >= MIN_INTERVAL_NS || (this.#parallelism === undefined && elapsedNs > 0)) {
      let runningNs = 0;
      let demandNs = 0;
      for (const usage of usages) {
        runningNs += usage.of('running');
        demandNs += usage.of('running') + usage.of('runnable') + usage.of('waiting_lock');
      }
      this.#parallelism = (runningNs - this.#lastRunningNs) / elapsedNs;
      this.#demand = (demandNs - this.#lastDemandNs) / elapsedNs;
      this.#sinceNs = nowNs;
      this.#lastRunningNs = runningNs;
      this.#lastDemandNs = demandNs;
    }
    if (this.#parallelism === undefined) return;
    sink.gauge('gridwatch.cpu.parallelism', {}, this.#parallelism);
    sink.gauge('gridwatch.cpu.demand', {}, this.#demand);
  }
}
