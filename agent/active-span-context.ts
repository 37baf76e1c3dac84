/**
 * `activeSpanContext()`: the trace that a thread works for, for those who have no OpenTelemetry there. Runs on application threads, any of them.
 */
import { findContextLink } from './app-thread/context/context-link.ts';

/** What W3C's `traceparent` says of a span. */
export interface ActiveSpanContext {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** 8 bits; the lowest one: the trace is sampled. */
  readonly traceFlags: number;
}

/**
 * The active span of the application's OpenTelemetry on this thread; without one, the span of what this thread works for now: that of the message it serves, as it
 * was at `postMessage`, or that of its `new Worker`. It holds across awaits and timers, but on Node 22 only for the synchronous part of a message's handlers, unless
 * `GRIDWATCH_CONTEXT=on`. `undefined` outside of any span, and on a thread without the agent. It never throws.
 *
 * The ids may be handed on, as the parent of other spans: the agent exports a span for the message then.
 *
 * @example
 * import { activeSpanContext } from 'gridwatch';
 * parentPort.on('message', async (order) => {
 *   await store(order);
 *   logger.info({ trace_id: activeSpanContext()?.traceId }, 'stored');
 * });
 */
export function activeSpanContext(): ActiveSpanContext | undefined {
  return findContextLink()?.active();
}
