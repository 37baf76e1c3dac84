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
