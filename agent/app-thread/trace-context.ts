/**
 * The span that is active on this thread, whichever OpenTelemetry the application brought.
 *
 * Runs on application threads. It reads the api's *global* and imports no copy of `@opentelemetry/api`: a copy newer than the one that
 * registered sees no context at all. What it calls is the application's (its context manager), so nothing it throws may get out.
 */
import type { TraceIds } from '../shared-memory/registry.ts';

/** Where every 1.x of the api keeps what was registered. */
const API = Symbol.for('opentelemetry.js.api.1');
/** The key under which every 1.x of the api keeps the active span in a context. */
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;

interface ApiGlobal {
  readonly context?: {
    active?(): { getValue?(key: symbol): { spanContext?(): Partial<TraceIds> } | undefined } | undefined;
  };
}

/** The active span's ids; undefined without a registered context manager, without an active span, or when its ids are not valid. */
export function activeTraceIds(): TraceIds | undefined {
  try {
    const api = (globalThis as Record<symbol, unknown>)[API] as ApiGlobal | undefined;
    const ids = api?.context?.active?.()?.getValue?.(SPAN_KEY)?.spanContext?.();
    if (ids === undefined) return undefined;
    const { traceId, spanId, traceFlags } = ids;
    if (typeof traceId !== 'string' || typeof spanId !== 'string') return undefined;
    if (!TRACE_ID.test(traceId) || !SPAN_ID.test(spanId)) return undefined;
    return { traceId, spanId, traceFlags: Number(traceFlags) & 0xff };
  } catch {
    return undefined;
  }
}
