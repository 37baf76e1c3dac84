/**
 * Garbage collection by thread and type: totals that outlive the threads they came from.
 *
 * Runs on the agent thread. Counters of a `thread.name` run on across the threads that bear it in turn.
 */
import { HISTOGRAM_BYTES, HistogramReader, HistogramTotal } from '../../shared-memory/histogram.ts';
import { type ControlMemory, SLOT } from '../../shared-memory/layout.ts';
import { GC_TYPES } from '../../shared-memory/records.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';

/** One thread's histograms, by type, and the totals they are added to. */
export class GcReader {
  readonly #pairs: readonly { readonly reader: HistogramReader; readonly total: HistogramTotal }[];

  constructor(memory: ControlMemory, slot: number, totals: readonly HistogramTotal[]) {
    const at = memory.slotAt(slot, SLOT.GC_HISTOGRAMS);
    this.#pairs = totals.map((total, type) => ({
      reader: new HistogramReader(memory.buffer, at + type * HISTOGRAM_BYTES),
      total,
    }));
  }

  /** Adds what the thread has recorded since the last call. */
  read(): void {
    for (const { reader, total } of this.#pairs) reader.addNewTo(total);
  }
}

export class GcTotals implements MetricSource {
  readonly #byThread = new Map<string, readonly HistogramTotal[]>();
  readonly #readers = new Set<GcReader>();

  /** Begins to read the histograms of a slot, for a thread of this name. */
  open(memory: ControlMemory, slot: number, threadName: string): GcReader {
    let totals = this.#byThread.get(threadName);
    if (totals === undefined) {
      totals = GC_TYPES.map(() => new HistogramTotal('gc'));
      this.#byThread.set(threadName, totals);
    }
    const reader = new GcReader(memory, slot, totals);
    this.#readers.add(reader);
    return reader;
  }

  /** Reads a last time, before the slot is given back. */
  close(reader: GcReader): void {
    reader.read();
    this.#readers.delete(reader);
  }

  collect(sink: MetricSink): void {
    for (const reader of this.#readers) reader.read();
    for (const [threadName, totals] of this.#byThread) {
      for (const [type, total] of totals.entries()) {
        if (total.counts.every((count) => count === 0)) continue;
        sink.histogram('v8js.gc.duration', { 'v8js.gc.type': GC_TYPES[type], 'thread.name': threadName }, total);
      }
    }
  }
}
