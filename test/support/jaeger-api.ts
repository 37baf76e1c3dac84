/**
 * Asks a running Jaeger, as its UI does. Runs in a test's own process. It must never read Jaeger's storage: what a user cannot see has not arrived.
 */

export interface JaegerTag {
  readonly key: string;
  readonly value: string | number | boolean;
}

export interface JaegerReference {
  /** A link is a FOLLOWS_FROM, mostly into another trace. */
  readonly refType: 'CHILD_OF' | 'FOLLOWS_FROM';
  readonly traceID: string;
  readonly spanID: string;
}

export interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly JaegerReference[];
  /** Microseconds since the epoch. */
  readonly startTime: number;
  /** Microseconds. */
  readonly duration: number;
  readonly tags: readonly JaegerTag[];
  /** The events of the span; the field `event` is the name of one. */
  readonly logs: readonly { readonly fields: readonly JaegerTag[] }[];
  readonly processID: string;
  readonly warnings: readonly string[] | null;
}

export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string; readonly tags: readonly JaegerTag[] }>>;
  readonly warnings: readonly string[] | null;
}

export interface TraceSearch {
  readonly service: string;
  readonly operation?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** As in Jaeger's form: `20ms`. */
  readonly minDuration?: string;
  /** Milliseconds since the epoch; default: the last hour. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly limit?: number;
}

/** What the Monitor tab asks for. */
export interface SpanMetricsQuery {
  readonly service: string;
  /** Milliseconds since the epoch. */
  readonly endMs: number;
  /** What a rate is taken over. */
  readonly overMs: number;
  /** Of `latencies`. */
  readonly quantile?: number;
}

interface MetricFamily {
  readonly labels: readonly { readonly name: string; readonly value: string }[];
  readonly metricPoints: readonly {
    readonly timestamp: string;
    readonly gaugeValue: { readonly doubleValue: number | 'NaN' };
  }[];
}

interface OtlpResourceSpans {
  readonly scopeSpans: readonly {
    readonly spans: readonly {
      readonly name: string;
      readonly attributes?: readonly { readonly key: string; readonly value: unknown }[];
    }[];
  }[];
}

const HOUR_MS = 3_600_000;
const ANSWER_MAX_MS = 60_000;

export class JaegerApi {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async services(): Promise<string[]> {
    return (await this.#get<string[] | null>('/api/services')) ?? [];
  }

  async operations(service: string): Promise<string[]> {
    const found = await this.#get<{ readonly name: string }[] | null>('/api/v3/operations', { service });
    return (found ?? []).map(({ name }) => name).toSorted();
  }

  /** Undefined as long as nothing of it has arrived. */
  async trace(id: string): Promise<JaegerTrace | undefined> {
    const [trace] = (await this.#get<JaegerTrace[] | undefined>(`/api/traces/${id}`)) ?? [];
    return trace;
  }

  async find({
    service,
    operation,
    tags,
    minDuration,
    fromMs,
    toMs,
    limit = 1_500,
  }: TraceSearch): Promise<JaegerTrace[]> {
    const nowMs = Date.now();
    return this.#get('/api/traces', {
      service,
      ...(operation !== undefined && { operation }),
      ...(tags !== undefined && { tags: JSON.stringify(tags) }),
      ...(minDuration !== undefined && { minDuration }),
      start: String((fromMs ?? nowMs - HOUR_MS) * 1_000),
      end: String((toMs ?? nowMs) * 1_000),
      limit: String(limit),
    });
  }

  /**
   * What Jaeger finds wrong with the spans of a service, one line each. Asked for by the API whose rules Jaeger's own UI follows since 2.14; the older
   * API of 2.13 compares only a tag `ip`, and so takes every two spans to come from two clocks.
   */
  async warnings(service: string, fromMs: number, toMs: number): Promise<string[]> {
    const { resourceSpans } = await this.#get<{ readonly resourceSpans: readonly OtlpResourceSpans[] }>(
      '/api/v3/traces',
      {
        'query.service_name': service,
        'query.start_time_min': new Date(fromMs).toISOString(),
        'query.start_time_max': new Date(toMs).toISOString(),
        'query.search_depth': '10000',
      },
    );
    const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    return spans.flatMap(({ name, attributes = [] }) =>
      attributes
        .filter(({ key }) => key === '@jaeger@warnings')
        .map(({ value }) => `${name}: ${JSON.stringify(value)}`),
    );
  }

  /**
   * The last point of the server spans of a service, at `endMs`: calls and errors a second, or a quantile of their durations in the unit that Prometheus has.
   * Undefined where there is none.
   */
  async spanMetric(
    metric: 'calls' | 'errors' | 'latencies',
    { service, endMs, overMs, quantile }: SpanMetricsQuery,
  ): Promise<number | undefined> {
    const [family] =
      (await this.#get<MetricFamily[] | undefined>(`/api/metrics/${metric}`, {
        service,
        spanKind: 'server',
        endTs: String(endMs),
        lookback: '60000',
        step: '5000',
        ratePer: String(overMs),
        ...(quantile !== undefined && { quantile: String(quantile) }),
      })) ?? [];
    const point = family?.metricPoints.at(-1);
    if (point === undefined || Date.parse(point.timestamp) !== endMs) return undefined;
    return Number(point.gaugeValue.doubleValue);
  }

  async #get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const url = `${this.#url}${path}?${new URLSearchParams(query).toString()}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MAX_MS) });
    const text = await response.text();
    if (response.status === 404) return undefined as T;
    if (!response.ok) throw new Error(`Jaeger answers ${response.status} to ${url}: ${text}`);
    const { data, operations, result, metrics } = JSON.parse(text) as Record<
      'data' | 'operations' | 'result' | 'metrics',
      T | undefined
    >;
    return (data ?? operations ?? result ?? metrics) as T;
  }
}

export function tagOf({ tags }: { readonly tags: readonly JaegerTag[] }, key: string): JaegerTag['value'] | undefined {
  return tags.find((tag) => tag.key === key)?.value;
}

export function parentOf(span: JaegerSpan): string | undefined {
  return span.references.find(({ refType }) => refType === 'CHILD_OF')?.spanID;
}
