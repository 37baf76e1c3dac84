/**
 * OpenTelemetry's api as an application has registered it, without an application: the global, and providers in the shapes of the three lines of the
 * SDK. Used by the unit tests of application threads; runs in the test's process.
 */
const API = Symbol.for('opentelemetry.js.api.1');
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');

const registry = globalThis as Record<symbol, unknown>;

export interface FakeSpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
}

/** Registers these in place of what is registered; what is left out is not registered. */
export function register(api: { trace?: unknown; context?: unknown; metrics?: unknown; logs?: unknown }): void {
  registry[API] = Object.defineProperties({ version: '1.9.0' }, Object.getOwnPropertyDescriptors(api));
}

export function unregister(): void {
  Reflect.deleteProperty(registry, API);
}

/** What the api puts between itself and a provider. */
export function behindProxy(provider: unknown): { getDelegate: () => unknown } {
  return { getDelegate: () => provider };
}

let spans = 0;

/** Ids that nobody else has. */
export function ids(traceFlags = 1, isRemote?: boolean): FakeSpanContext {
  spans++;
  return {
    traceId: spans.toString(16).padStart(32, '0'),
    spanId: spans.toString(16).padStart(16, '0'),
    traceFlags,
    ...(isRemote === undefined ? {} : { isRemote }),
  };
}

/** A context with this span active. */
export function contextWith(span: FakeSpanContext | undefined): { getValue(key: symbol): unknown } {
  const active = span === undefined ? undefined : { spanContext: () => span };
  return { getValue: (key) => (key === SPAN_KEY ? active : undefined) };
}

/** A context manager in which this span is always active. */
export function managerWith(span: FakeSpanContext | undefined): { active: () => unknown } {
  return { active: () => contextWith(span) };
}

export class FakeProcessor {
  readonly ended: unknown[] = [];
  readonly _spanProcessors: unknown[] = [{}];

  onEnd(span: unknown): void {
    this.ended.push(span);
  }
}

export class NoopSpanProcessor {
  onEnd(): void {}
}

/** What the api's stand-in for a span that is not recorded looks like. */
export class NonRecordingSpan {
  readonly _spanContext: FakeSpanContext;
  ends = 0;

  constructor(context: FakeSpanContext) {
    this._spanContext = context;
  }

  spanContext(): FakeSpanContext {
    return this._spanContext;
  }

  end(_endTime?: unknown): void {
    this.ends++;
  }
}

/** A tracer that gives out whatever span it is told to. */
export class FakeTracer {
  next: unknown;

  startSpan(_name: string, _options: object = {}, _context?: unknown): unknown {
    return this.next;
  }
}

/** A recorded span at its end, as a line of the SDK has it; the parent's ids, or none. */
export function endedSpan(
  line: 1 | 2 | 3,
  {
    context = ids(),
    parent,
    startMs = 0,
    endMs = 10,
    kind = 0,
  }: {
    context?: FakeSpanContext;
    parent?: FakeSpanContext | undefined;
    startMs?: number;
    endMs?: number;
    kind?: number;
  } = {},
): object {
  const times = { startTime: toHrTime(startMs), endTime: toHrTime(endMs), kind, spanContext: () => context };
  return line === 1 ? { ...times, parentSpanId: parent?.spanId } : { ...times, parentSpanContext: parent };
}

function toHrTime(ms: number): [number, number] {
  return [Math.floor(ms / 1e3), (ms % 1e3) * 1e6];
}
