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
import { PricedTime } from './priced-time.ts';

export interface QueueEnergySettings {
  readonly totals: () => Iterable<QueueTotal>;
  readonly rates: { readonly powerPerCpuW: number };
}

export class QueueEnergy implements MetricSource {
  readonly #settings: QueueEnergySettings;
  readonly #active = new PricedTime<QueueTotal>();

  constructor(settings: QueueEnergySettings) {
    this.#settings = settings;
  }

  collect(sink: MetricSink): void {
    const { totals, rates } = this.#settings;
    for (const total of totals()) {
      const { serialisedNs, attributes } = total;
      if (serialisedNs === 0) continue;
      sink.sum('gridwatch.queue.energy', attributes, this.#active.energyUj(total, serialisedNs, rates.powerPerCpuW));
    }
  }
}
