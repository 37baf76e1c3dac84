/**
 * Garbage collection by thread and type: totals that outlive the threads they came from.
 *
 * Runs on the agent thread. Counters of a `thread.name` run on across the threads that bear it in turn, and what a
 * forgotten name has counted is not lost.
 */
import { HISTOGRAM_BYTES, HistogramReader, HistogramTotal } from '../../shared-memory/histogram.ts';
import { type ControlMemory, SLOT } from '../../shared-memory/layout.ts';
import { GC_TYPES } from '../../shared-memory/records.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { NamesInTurn } from './names-in-turn.ts';

/** One thread's histograms, by type, and the totals they are added to. */
export class GcReader {
  readonly threadName: string;
  readonly #pairs: readonly { readonly reader: HistogramReader; readonly total: HistogramTotal }[];

  constructor(memory: ControlMemory, slot: number, threadName: string, totals: readonly HistogramTotal[]) {
    const at = memory.slotAt(slot, SLOT.GC_HISTOGRAMS);
    this.threadName = threadName;
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

/** One name's, by type. */
interface NamedTotals {
  readonly totals: readonly HistogramTotal[];
  /** What was told last of each; undefined while there was nothing to tell. */
  readonly told: (HistogramTotal | undefined)[];
}

export class GcTotals implements MetricSource {
  readonly #readers = new Set<GcReader>();
  readonly #names = new NamesInTurn<NamedTotals>({
    create: () => ({ totals: GC_TYPES.map(() => new HistogramTotal('gc')), told: [] }),
    leave: ({ totals, told }, others) => {
      for (const [type, total] of totals.entries()) {
        others.totals[type]?.add(total);
        const known = told[type];
        if (known !== undefined) others.totals[type]?.add(known, -1);
      }
    },
  });

  /** Begins to read the histograms of a slot, for a thread of this name. */
  open(memory: ControlMemory, slot: number, threadName: string): GcReader {
    const reader = new GcReader(memory, slot, threadName, this.#names.take(threadName).totals);
    this.#readers.add(reader);
    return reader;
  }

  /** Reads a last time, before the slot is given back. */
  close(reader: GcReader): void {
    reader.read();
    this.#readers.delete(reader);
    this.#names.giveBack(reader.threadName);
  }

  collect(sink: MetricSink): void {
    for (const reader of this.#readers) reader.read();
    for (const [threadName, { totals, told }] of this.#names) {
      for (const [type, total] of totals.entries()) {
        if (total.counts.every((count) => count === 0)) continue;
        (told[type] ??= new HistogramTotal('gc')).set(total);
        sink.histogram('v8js.gc.duration', { 'v8js.gc.type': GC_TYPES[type], 'thread.name': threadName }, total);
      }
    }
  }
}
