/**
 * Brings the agent's metrics into every reader the SDK makes, from environment or file: `MetricReader.prototype.setMetricProducer` is wrapped, so
 * that a reader's producer gives the SDK's own metrics and ours. Runs on the agent thread. It must be in place before the SDK makes its readers,
 * and must never fail a collection: what goes wrong is one of the collection's errors.
 */
import type { CollectionResult, MetricProducer } from '@opentelemetry/sdk-metrics';
import { MetricView, TEMPORALITY, type ViewPreferences } from './metric-view.ts';
import type { MetricRegistry } from './metrics.ts';

/** What is used of a reader; the fields with an underscore are the periodic reader's, and undocumented. */
export interface Reader {
  selectAggregation(instrument: string): Aggregation;
  selectAggregationTemporality(instrument: string): number;
  forceFlush(): Promise<void>;
  readonly _exporter?: object;
  _exportInterval?: number;
  _exportTimeout?: number;
}

interface Aggregation {
  readonly type: number;
  readonly options?: { readonly maxSize?: number };
}

/** `MetricReader`. */
export interface ReaderClass {
  readonly prototype: { setMetricProducer: (this: Reader, producer: MetricProducer) => void };
}

/** `OTLPMetricExporterBase`. */
export interface MetricExporterClass {
  readonly prototype: { selectAggregation: (this: unknown, instrument: string) => Aggregation };
}

/** `AggregationType` of the SDK, as far as it is asked about; `sdk-constants.test.ts` compares. */
export const AGGREGATION = { DEFAULT: 0, EXPONENTIAL_HISTOGRAM: 5 } as const;

/** The SDK's own, where a configuration file does not say. */
const MAX_EXPONENTIAL_BUCKETS = 160;

export class Readers {
  readonly #registry: MetricRegistry;
  readonly #scope: { readonly name: string; readonly version: string };
  readonly #isDecided: Promise<void>;
  readonly #readers = new Set<Reader>();
  /** Readers get nothing of ours meanwhile. */
  isSilent = false;

  /** Until it is decided whether they are silent, readers wait. */
  constructor(
    registry: MetricRegistry,
    scope: { readonly name: string; readonly version: string },
    isDecided: Promise<void> = Promise.resolve(),
  ) {
    this.#registry = registry;
    this.#scope = scope;
    this.#isDecided = isDecided;
  }

  /** Every reader of the class that is made from now on gets the agent's metrics. */
  takeOver(readerClass: ReaderClass): void {
    const { prototype } = readerClass;
    const original = prototype.setMetricProducer;
    const adopt = this.#adopt.bind(this);
    prototype.setMetricProducer = function (producer): void {
      original.call(this, adopt(this, producer));
    };
  }

  get isEmpty(): boolean {
    return this.#readers.size === 0;
  }

  /** Collects and exports now, from every reader that pushes. */
  async flush(): Promise<void> {
    await Promise.all(Array.from(this.#readers, (reader) => reader.forceFlush()));
  }

  /** The reader's producer, with our metrics after the SDK's. */
  #adopt(reader: Reader, producer: MetricProducer): MetricProducer {
    const view = new MetricView(this.#registry, preferencesOf(reader));
    this.#readers.add(reader);
    return {
      collect: async (options): Promise<CollectionResult> => {
        const { resourceMetrics, errors } = await producer.collect(options);
        await this.#isDecided;
        if (this.isSilent) return { resourceMetrics, errors };
        try {
          const metrics = view.collect();
          const ours = metrics.length === 0 ? [] : [{ scope: this.#scope, metrics }];
          return {
            resourceMetrics: { ...resourceMetrics, scopeMetrics: [...resourceMetrics.scopeMetrics, ...ours] },
            errors,
          };
        } catch (error) {
          return { resourceMetrics, errors: [...errors, error] };
        }
      },
    };
  }
}

/** Our sums are read when a reader collects, so it is asked about observable instruments. */
function preferencesOf(reader: Reader): ViewPreferences {
  const isDelta = (instrument: string): boolean =>
    reader.selectAggregationTemporality(instrument) === TEMPORALITY.DELTA;
  const { type, options } = reader.selectAggregation('HISTOGRAM');
  return {
    hasDeltaCounters: isDelta('OBSERVABLE_COUNTER'),
    hasDeltaHistograms: isDelta('HISTOGRAM'),
    maxExponentialBuckets:
      type === AGGREGATION.EXPONENTIAL_HISTOGRAM ? (options?.maxSize ?? MAX_EXPONENTIAL_BUCKETS) : undefined,
    hasUnitInName: reader.constructor.name === 'PrometheusExporter',
  };
}

/** OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION, which the SDK does not read: holds where nothing else was said. */
export function preferExponentialHistograms({ prototype }: MetricExporterClass): void {
  const original = prototype.selectAggregation;
  prototype.selectAggregation = function (instrument): Aggregation {
    const selected = original.call(this, instrument);
    const isUnsaid = instrument === 'HISTOGRAM' && selected.type === AGGREGATION.DEFAULT;
    return isUnsaid ? { type: AGGREGATION.EXPONENTIAL_HISTOGRAM } : selected;
  };
}

/** OTEL_METRIC_EXPORT_INTERVAL, which the SDK reads for OTLP only: holds for the console, too, if a reader is told before its timer starts. */
export function setConsoleInterval(
  readerClass: ReaderClass,
  consoleExporter: NewableFunction,
  intervalMs: number,
): void {
  const { prototype } = readerClass;
  const original = prototype.setMetricProducer;
  prototype.setMetricProducer = function (producer): void {
    if (this._exporter instanceof consoleExporter) {
      this._exportInterval = intervalMs;
      this._exportTimeout = Math.min(this._exportTimeout ?? intervalMs, intervalMs);
    }
    original.call(this, producer);
  };
}
