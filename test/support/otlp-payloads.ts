/**
 * Hand-made OTLP/JSON requests of the kind the agent sends, so that the command's receiver, window, view and findings can
 * be tested without an agent. Used by unit tests and by the feeder program of `test/fixtures/cli`; never by the product.
 */

type Value = string | number | boolean;
type Attributes = Readonly<Record<string, Value>>;
type Json = Readonly<Record<string, unknown>>;

const AGENT_RESOURCE: Attributes = { 'service.name': 'shop', 'process.pid': 4711, 'service.instance.id': 'one' };

/** Milliseconds since the epoch as OTLP/JSON writes a time. */
function unixNano(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n);
}

function keyValues(attributes: Attributes): Json[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: Value): Json {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

export interface PointOptions {
  readonly startMs: number;
  readonly timeMs: number;
  readonly attributes?: Attributes;
}

/** A monotonic cumulative sum with one point. */
export function counter(name: string, value: number, options: PointOptions & { readonly isDelta?: boolean }): Json {
  const point = { ...pointAt(options), asDouble: value };
  return { name, sum: { aggregationTemporality: options.isDelta ? 1 : 2, isMonotonic: true, dataPoints: [point] } };
}

export function gauge(name: string, value: number, options: PointOptions): Json {
  return { name, gauge: { dataPoints: [{ ...pointAt(options), asDouble: value }] } };
}

/** A cumulative histogram in seconds with the bounds the agent uses for pauses. */
export function histogram(name: string, durationsS: readonly number[], options: PointOptions): Json {
  const bounds = [1e-4, 1e-3, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 10];
  const counts = [...bounds, Infinity].map(() => 0);
  for (const durationS of durationsS) {
    const at = bounds.findIndex((bound) => durationS <= bound);
    const cell = at < 0 ? bounds.length : at;
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  const sum = durationsS.reduce((total, durationS) => total + durationS, 0);
  const point = {
    ...pointAt(options),
    count: String(durationsS.length),
    sum,
    bucketCounts: counts.map(String),
    explicitBounds: bounds,
  };
  return { name, histogram: { aggregationTemporality: 2, dataPoints: [point] } };
}

function pointAt({ startMs, timeMs, attributes }: PointOptions): Json {
  return {
    startTimeUnixNano: unixNano(startMs),
    timeUnixNano: unixNano(timeMs),
    attributes: keyValues(attributes ?? {}),
  };
}

/** All states of one thread, in seconds since it began. */
export function threadStates(
  name: string,
  statesS: Readonly<Record<string, number>>,
  options: PointOptions & { readonly role?: string },
): Json[] {
  return Object.entries(statesS).map(([state, valueS]) =>
    counter('gridwatch.thread.state.time', valueS, {
      ...options,
      attributes: {
        'thread.name': name,
        'gridwatch.thread.role': options.role ?? (name === 'main' ? 'main' : 'worker'),
        'gridwatch.thread.state': state,
      },
    }),
  );
}

export function metricsRequest(metrics: readonly Json[], resource: Attributes = AGENT_RESOURCE): Json {
  const scopeMetrics = [{ scope: { name: 'gridwatch' }, metrics }];
  return { resourceMetrics: [{ resource: { attributes: keyValues(resource) }, scopeMetrics }] };
}

export interface SpanOptions {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes?: Attributes;
  /** 1 internal, 2 server. */
  readonly kind?: number;
  readonly hasFailed?: boolean;
  /** In hexadecimal digits; default: one for all, and the spans are numbered. */
  readonly traceId?: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
}

export function spansRequest(
  spans: readonly SpanOptions[],
  scope: string,
  resource: Attributes = AGENT_RESOURCE,
): Json {
  const list = spans.map((span, at) => ({
    traceId: span.traceId ?? '0af7651916cd43dd8448eb211c80319c',
    spanId: span.spanId ?? (at + 1).toString(16).padStart(16, '0'),
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: span.kind ?? 1,
    startTimeUnixNano: unixNano(span.startMs),
    endTimeUnixNano: unixNano(span.endMs),
    attributes: keyValues(span.attributes ?? {}),
    status: { code: span.hasFailed ? 2 : 0 },
  }));
  const scopeSpans = [{ scope: { name: scope }, spans: list }];
  return { resourceSpans: [{ resource: { attributes: keyValues(resource) }, scopeSpans }] };
}

export interface LogOptions {
  readonly eventName: string;
  readonly body: string;
  readonly timeMs: number;
  readonly attributes?: Attributes;
}

export function logsRequest(logs: readonly LogOptions[], resource: Attributes = AGENT_RESOURCE): Json {
  const logRecords = logs.map(({ eventName, body, timeMs, attributes }) => ({
    timeUnixNano: unixNano(timeMs),
    severityNumber: 17,
    body: { stringValue: body },
    attributes: keyValues(attributes ?? {}),
    eventName,
  }));
  const scopeLogs = [{ scope: { name: 'gridwatch' }, logRecords }];
  return { resourceLogs: [{ resource: { attributes: keyValues(resource) }, scopeLogs }] };
}
