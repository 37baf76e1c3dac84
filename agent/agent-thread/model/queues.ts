/**
 * The queues of the program: what they have counted, what is in them, who serves them.
 *
 * Runs on the agent thread: `collect` when a reader wants the numbers, `end` as threads end. It must never throw over what shared memory says, and never
 * grow with the number of queues or threads that ever were.
 */
import { type ControlMemory, HEADER } from '../../shared-memory/layout.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import type { QueueFeature, QueueReader, QueueTotals } from './queue-totals.ts';

const FEATURES: readonly QueueFeature[] = ['messages', 'pools', 'queues'];

export interface QueuesSettings {
  readonly memory: ControlMemory;
  readonly totals: QueueTotals;
  readonly readers: readonly QueueReader[];
  readonly isOn: (feature: QueueFeature) => boolean;
  readonly nowNs: () => number;
  /** Called with the number of queues that could not be followed. */
  readonly onDrop: (count: number) => void;
}

export class Queues implements MetricSource {
  readonly #settings: QueuesSettings;
  #dropped = 0;

  constructor(settings: QueuesSettings) {
    this.#settings = settings;
  }

  /** A thread has ended, and its slot is still its own: what it has counted is read a last time. */
  end(thread: SlotClaim, nowNs: number): void {
    for (const reader of this.#settings.readers) reader.end?.(thread, nowNs);
  }

  /** Features share these metrics: each has those of its kinds of queues. */
  collect(sink: MetricSink): void {
    const { totals, readers, isOn, nowNs } = this.#settings;
    this.#countDropped();
    if (!FEATURES.some(isOn)) return;
    const atNs = nowNs();
    const errors: unknown[] = [];
    totals.reset();
    for (const reader of readers) {
      try {
        reader.read(atNs);
      } catch (error) {
        errors.push(error);
      }
    }
    totals.emit(sink, atNs, isOn);
    /* For the registry to tell of, once the others have been sent. */
    if (errors.length > 0) throw errors[0];
  }

  #countDropped(): void {
    const { memory, onDrop } = this.#settings;
    const dropped = Atomics.load(memory.u32, HEADER.QUEUES_DROPPED >> 2);
    if (dropped > this.#dropped) onDrop(dropped - this.#dropped);
    this.#dropped = dropped;
  }
}
