/**
 * Garbage collection of this thread: every entry of every batch, timed by V8.
 *
 * Runs on application threads. Node delivers the entries when the event loop turns: what a thread collects after its last turn is not seen.
 */
import { GC_TYPES, type GcType } from '../../shared-memory/records.ts';
import type { Recorder } from '../recorder.ts';

/** `perf_hooks.constants.NODE_PERFORMANCE_GC_*`, by value: the globals are enough here, and the module takes a millisecond to load. */
const TYPE_OF_KIND: ReadonlyMap<number, GcType> = new Map([
  [1, 'minor'],
  [4, 'major'],
  [8, 'incremental'],
  [16, 'weakcb'],
]);

interface GcEntry {
  readonly startTime: number;
  readonly duration: number;
  readonly detail?: { readonly kind?: number };
}

/** Begins to record; gives back what drains the entries that Node has not delivered yet, and what ends it. */
export function recordGarbageCollections(recorder: Recorder): { drain(): void; stop(): void } {
  /** Where this thread's `performance.now()` is 0 on our clock: both are the same monotonic clock. Asked for at the first entry, because the global takes time to load. */
  let originNs: number | undefined;
  const record = (entries: readonly unknown[]): void => {
    originNs ??= recorder.clock.nowNs() - performance.now() * 1e6;
    for (const entry of entries as readonly GcEntry[]) {
      const type = TYPE_OF_KIND.get(entry.detail?.kind ?? 0);
      if (type === undefined) continue;
      recorder.recordGc(GC_TYPES.indexOf(type), originNs + entry.startTime * 1e6, entry.duration * 1e6);
    }
  };
  const observer = new PerformanceObserver((list) => record(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  return { drain: () => record(observer.takeRecords()), stop: () => observer.disconnect() };
}
