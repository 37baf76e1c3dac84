/**
 * Records whose every word follows from one number, so that one that is torn, or mixed of two, shows. Used on the thread
 * that writes and on the one that reads.
 */
import { GC_TYPES } from '../../agent/shared-memory/records.ts';
import type { TraceIds } from '../../agent/shared-memory/registry.ts';

export interface StressRecord {
  readonly number: number;
  readonly startNs: number;
  readonly durationNs: number;
  readonly context: TraceIds | undefined;
}

const hex = (value: number, digits: number): string => (value >>> 0).toString(16).padStart(digits, '0');

/** The n-th record, n >= 1; every other one has a context. */
export function recordOf(n: number): StressRecord {
  const mixed = Math.imul(n, 0x9e3779b1);
  const ids = {
    traceId: hex(mixed, 8) + hex(mixed ^ 0x5555, 8) + hex(~mixed, 8) + hex(n, 8),
    spanId: hex(n, 8) + hex(mixed, 8),
  };
  return {
    number: n % GC_TYPES.length,
    startNs: n,
    durationNs: (mixed >>> 0) / 4,
    context: n % 2 === 0 ? { ...ids, traceFlags: n & 0xff } : undefined,
  };
}

/** What is wrong with a record that says by its start which it is; undefined when nothing is. */
export function wrongIn(record: StressRecord): string | undefined {
  const { number, startNs, durationNs, context } = recordOf(record.startNs);
  const isSame =
    record.number === number &&
    record.durationNs === durationNs &&
    record.context?.traceId === context?.traceId &&
    record.context?.spanId === context?.spanId &&
    record.context?.traceFlags === context?.traceFlags;
  return isSame ? undefined : `record ${startNs}: ${JSON.stringify(record)}`;
}
