/** A meter provider of a test's own, and what it was told of. To be shut down by the test. */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';

export class Measured {
  readonly #exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #reader = new PeriodicExportingMetricReader({ exporter: this.#exporter, exportIntervalMillis: 1e6 });
  readonly provider: MeterProvider = new MeterProvider({ readers: [this.#reader] });

  async metrics(): Promise<MetricData[]> {
    this.#exporter.reset();
    await this.#reader.forceFlush();
    const [told] = this.#exporter.getMetrics();
    return told?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? [];
  }

  /** What stands of each metric and state of threads: its value, or how many values a histogram has; all names taken together. */
  async values(): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const { descriptor, dataPoints } of await this.metrics()) {
      for (const { attributes, value } of dataPoints) {
        const state = attributes['gridwatch.pool.thread.state'];
        const key = typeof state === 'string' ? `${descriptor.name} ${state}` : descriptor.name;
        found[key] = (found[key] ?? 0) + (typeof value === 'number' ? value : value.count);
      }
    }
    return found;
  }

  /** The values of a metric `gridwatch.queue.<name>`, by the library of the queue. */
  async queues(name: string): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const { descriptor, dataPoints } of await this.metrics()) {
      if (descriptor.name !== `gridwatch.queue.${name}`) continue;
      for (const { attributes, value } of dataPoints) {
        const [library = ''] = String(attributes['gridwatch.queue.name']).split('@');
        found[library] = (found[library] ?? 0) + Number(value);
      }
    }
    return found;
  }
}
