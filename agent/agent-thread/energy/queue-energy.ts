/**
 * What putting messages into each port has cost: an "of which" of the energy of the threads.
 *
 * Runs on the agent thread, when a reader wants the numbers. It must never throw.
 *
 * `E = j * t`: `t` is the time in `postMessage`, which a thread spends on its CPU, nearly all of it serialising; `j` is what a busy CPU draws. What it takes to read
 * a message nobody can see, and it is about as much. Items of other queues are handed over within a thread, and cost nothing that could be told from their work.
 */
import type { QueueTotal } from '../model/queue-totals.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';

export interface QueueEnergySettings {
  readonly totals: () => Iterable<QueueTotal>;
  readonly rates: { readonly powerPerCpuW: number };
}

interface Priced {
  postedNs: number;
  activeUj: number;
}

export class QueueEnergy implements MetricSource {
  readonly #settings: QueueEnergySettings;
  readonly #priced = new WeakMap<QueueTotal, Priced>();

  constructor(settings: QueueEnergySettings) {
    this.#settings = settings;
  }

  collect(sink: MetricSink): void {
    const { totals, rates } = this.#settings;
    for (const total of totals()) {
      const { serialisedNs } = total;
      if (serialisedNs === 0) continue;
      const priced = this.#priced.get(total) ?? { postedNs: 0, activeUj: 0 };
      this.#priced.set(total, priced);
      priced.activeUj += (rates.powerPerCpuW * Math.max(0, serialisedNs - priced.postedNs)) / 1e3;
      priced.postedNs = serialisedNs;
      sink.sum('gridwatch.queue.energy', total.attributes, priced.activeUj);
    }
  }
}
