/**
 * Garbage collection of this thread: every entry of every batch, timed by V8.
 *
 * Runs on application threads. Node delivers the entries when the event loop turns, and keeps them until then. A thread that goes from one
 * `Atomics.wait` to the next and never turns (a piscina worker does) would collect them for ever: there the observation is suspended until the loop
 * turns, and the agent thread is told. `v8.GCProfiler` would see those collections too, at 90 us and 7 KB each. A batch is also the moment to look
 * for what the application has registered with OpenTelemetry: as long as there is no garbage, there is nothing to tie to its spans.
 */
import type { PerformanceObserver as Observer } from 'node:perf_hooks';
import { featureBits } from '../../config/feature-bits.ts';
import { GC_TYPES, type GcType } from '../../shared-memory/records.ts';
import { LocalRoots } from '../instrumentation/local-roots.ts';
import type { Recorder } from '../recorder.ts';
import { GcSpans } from './gc-spans.ts';

/** `perf_hooks.constants.NODE_PERFORMANCE_GC_*`, by value: the globals are enough here, and the module takes a millisecond to load. */
const TYPE_OF_KIND: ReadonlyMap<number, GcType> = new Map([
  [1, 'minor'],
  [4, 'major'],
  [8, 'incremental'],
  [16, 'weakcb'],
]);

/* The original: a program's tests may replace the global by a clock of their own. */
const epochMs = Date.now;

const GC = featureBits(['gc']);

/** A thread about to block whose loop has not turned for this long. At 300 collections a second, Node has kept a third of a megabyte by then. */
const SUSPEND_AFTER_NS = 10e9;

interface GcEntry {
  readonly startTime: number;
  readonly duration: number;
  readonly detail?: { readonly kind?: number };
}

export class GcSource {
  readonly #recorder: Recorder;
  readonly #observer: Observer;
  readonly #spans: GcSpans;
  readonly #roots: LocalRoots;
  /** Where this thread's `performance.now()` is 0 on our clock: both are the same monotonic clock. Asked for at the first entry, because the global takes time to load. */
  #originNs: number | undefined;
  #lastTurnNs: number;
  #isSuspended = false;

  /** `onBatch` runs before each batch is recorded, and must not throw. */
  constructor(recorder: Recorder, onBatch: () => void) {
    this.#recorder = recorder;
    this.#spans = new GcSpans(recorder);
    this.#roots = new LocalRoots(this.#spans.rootEnded);
    this.#lastTurnNs = recorder.clock.nowNs();
    this.#observer = new PerformanceObserver((list) => {
      this.#lastTurnNs = recorder.clock.nowNs();
      onBatch();
      if (recorder.isOff(GC)) {
        this.#roots.stop();
        return;
      }
      this.#roots.look();
      this.#record(list.getEntries());
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** The thread is about to block: looks whether its event loop still turns. */
  beforeWait(nowNs: number): void {
    if (this.#isSuspended || nowNs - this.#lastTurnNs < SUSPEND_AFTER_NS) return;
    this.#isSuspended = true;
    this.#observer.disconnect();
    this.#recorder.setGcSuspended(true);
    setImmediate(() => {
      this.#isSuspended = false;
      this.#lastTurnNs = this.#recorder.clock.nowNs();
      this.#recorder.setGcSuspended(false);
      this.#observer.observe({ entryTypes: ['gc'] });
    }).unref();
  }

  /** Records the entries that wait for the observer's turn. */
  drain(): void {
    if (!this.#recorder.isOff(GC)) this.#record(this.#observer.takeRecords());
  }

  stop(): void {
    this.#observer.disconnect();
    this.#roots.stop();
  }

  #record(entries: readonly unknown[]): void {
    this.#originNs ??= this.#recorder.clock.nowNs() - performance.now() * 1e6;
    for (const { detail, startTime, duration } of entries as readonly GcEntry[]) {
      const type = TYPE_OF_KIND.get(detail?.kind ?? 0);
      if (type === undefined) continue;
      const number = GC_TYPES.indexOf(type);
      const durationNs = duration * 1e6;
      if (!this.#recorder.countGc(number, durationNs)) continue;
      const startMs = startTime + epochMs() - performance.now();
      this.#spans.add({ type: number, startNs: this.#originNs + startTime * 1e6, durationNs, startMs });
    }
  }
}
