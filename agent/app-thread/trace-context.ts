/**
 * The span that is active on this thread, whichever OpenTelemetry the application brought.
 *
 * Runs on application threads. It reads the api's *global* and imports no copy of `@opentelemetry/api`: a copy newer than the one that
 * registered sees no context at all. What it calls is the application's (its context manager), so nothing it throws may get out.
 */

import type { TraceIds } from '../shared-memory/registry.ts';
import { findContextLink } from './context/context-link.ts';

/** Where every 1.x of the api keeps what was registered. */
export const API: symbol = Symbol.for('opentelemetry.js.api.1');
/** The key under which every 1.x of the api keeps the active span in a context. */
export const SPAN_KEY: symbol = Symbol.for('OpenTelemetry Context Key SPAN');

/** Where a span of ours (`context/remote-span.ts`) has the ids that the agent reads: to ask it as others do would make ids. */
export const OWN_IDS: unique symbol = Symbol.for('gridwatch.ids') as never;

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;

/** What a span says of itself: nothing of it is certain. */
export interface SpanContext extends Partial<TraceIds> {
  readonly isRemote?: unknown;
}

interface ReadableSpan {
  readonly [OWN_IDS]?: SpanContext;
  spanContext?(): SpanContext | undefined;
}

export interface Context {
  getValue?(key: symbol): ReadableSpan | undefined;
  setValue?(key: symbol, value: unknown): Context;
  deleteValue?(key: symbol): Context;
}

/** What of the application's context manager is used. */
export interface ContextManager {
  active?(): Context | undefined;
  with?<T>(context: Context, fn: () => T): T;
  attach?(context: Context): unknown;
  readonly _asyncLocalStorage?: { enterWith?(context: Context): void };
}

export interface ApiGlobal {
  readonly version?: unknown;
  readonly context?: ContextManager;
  readonly trace?: { getDelegate?(): unknown };
  readonly metrics?: unknown;
  readonly logs?: unknown;
}

/** What is registered on this thread; undefined as long as nothing is. */
export function registeredApi(): ApiGlobal | undefined {
  return (globalThis as Record<symbol, unknown>)[API] as ApiGlobal | undefined;
}

/** What the application's tracers come from, behind the api's own stand-in. */
export function registeredTracerProvider(): unknown {
  const trace = registeredApi()?.trace;
  return trace?.getDelegate === undefined ? trace : trace.getDelegate();
}

/** The span of a context, or of the active one, without waking ids of ours; without a context manager, that of the message that is served. May throw. */
export function spanContextIn(given?: Context): SpanContext | undefined {
  const context = given ?? registeredApi()?.context?.active?.() ?? findContextLink()?.context;
  const span = context?.getValue?.(SPAN_KEY);
  return span?.[OWN_IDS] ?? span?.spanContext?.();
}

/** The ids of a span; undefined when they are not valid. */
export function validIds(context: SpanContext | undefined): TraceIds | undefined {
  if (context === undefined) return undefined;
  const { traceId, spanId, traceFlags } = context;
  if (typeof traceId !== 'string' || typeof spanId !== 'string') return undefined;
  if (!TRACE_ID.test(traceId) || !SPAN_ID.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number(traceFlags) & 0xff };
}

/** The active span's ids; undefined without one, or when they are not valid. */
export function activeTraceIds(): TraceIds | undefined {
  try {
    return validIds(spanContextIn());
  } catch {
    return undefined;
  }
}
