/**
 * What the envelope of a message between threads says of its sender, when Node's own envelope carries it.
 *
 * Runs on application threads. What is read of a message may be anybody's: it is validated.
 */
import type { TraceIds } from '../../shared-memory/registry.ts';
import { type SpanContext, validIds } from '../trace-context.ts';

/** A name that Node's envelopes and cloned messages do not have. */
const FIELD = 'gridwatchSender';

export interface Stamp {
  readonly sentNs: number;
  /** The sender's slot, + 1. */
  readonly senderSlot: number;
  readonly context: TraceIds | undefined;
}

export function stamp(envelope: object, given: Stamp): void {
  (envelope as { [FIELD]?: unknown })[FIELD] = given;
}

/** Undefined where there is none. The message is a clone: to read a property of it runs none of the program's code. */
export function stampOf(message: unknown): Stamp | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const found = (message as { [FIELD]?: Partial<Record<keyof Stamp, unknown>> })[FIELD];
  if (typeof found !== 'object' || found === null) return undefined;
  const { sentNs, senderSlot, context } = found;
  if (typeof sentNs !== 'number' || typeof senderSlot !== 'number') return undefined;
  return { sentNs, senderSlot: senderSlot | 0, context: validIds((context as SpanContext | null) ?? undefined) };
}
