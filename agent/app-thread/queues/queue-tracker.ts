/**
 * The queues of a thread: one cell for each name and kind, however many queues bear it.
 *
 * Runs on application threads, one tracker a thread, made with the first queue that is followed.
 */
import { featureBits } from '../../config/feature-bits.ts';
import type { Config, Feature } from '../../config/options.ts';
import { HEADER } from '../../shared-memory/layout.ts';
import { internName } from '../../shared-memory/names.ts';
import { claimQueueCell, type QueueCell, type QueueKind } from '../../shared-memory/queue-cells.ts';
import { encodeTask, type TaskRecord } from '../../shared-memory/queue-records.ts';
import type { Recorder } from '../recorder.ts';
import { PromisedSpans } from '../span-ids.ts';
import type { QueueItem } from './tracked-queue.ts';

const POOLS = featureBits(['pools']);
const QUEUES = featureBits(['queues']);

/** All queues of one name and kind on this thread. */
export class NamedQueue {
  readonly nameNumber: number;
  readonly cell: QueueCell;
  /** Those that wait, in the order in which they came. */
  readonly waiting: Set<QueueItem> = new Set();

  constructor(nameNumber: number, cell: QueueCell) {
    this.nameNumber = nameNumber;
    this.cell = cell;
  }

  /** To be called after each change of who waits at its front. */
  tellOldest(): void {
    for (const item of this.waiting) {
      this.cell.setOldestSince(item.submittedNs);
      return;
    }
    this.cell.setOldestSince(0);
  }
}

export class QueueTracker {
  readonly recorder: Recorder;
  readonly config: Config;
  readonly promised: PromisedSpans;
  readonly #named = new Map<string, NamedQueue | undefined>();

  constructor(recorder: Recorder, config: Config) {
    this.recorder = recorder;
    this.config = config;
    this.promised = new PromisedSpans(() => recorder.areSpansOff);
  }

  nowNs(): number {
    return this.recorder.clock.nowNs();
  }

  /** Whether what follows queues of this feature is switched off, now. */
  isOff(feature: Extract<Feature, 'pools' | 'queues'>): boolean {
    return this.recorder.isOff(feature === 'pools' ? POOLS : QUEUES);
  }

  /** An item that waited this long becomes a span, as of now. */
  get thresholdNs(): number {
    return this.recorder.memory.f64[HEADER.QUEUE_THRESHOLD_NS >> 3] as number;
  }

  /** Undefined where there is no room for one name more. */
  named(name: string, kind: QueueKind): NamedQueue | undefined {
    const key = `${kind}\u0000${name}`;
    if (this.#named.has(key)) return this.#named.get(key);
    const { memory, claim } = this.recorder;
    const nameNumber = internName(memory, name);
    const cell = claimQueueCell(memory, claim, nameNumber, kind);
    const named = cell === undefined ? undefined : new NamedQueue(nameNumber, cell);
    this.#named.set(key, named);
    return named;
  }

  record(task: TaskRecord): void {
    this.recorder.record(encodeTask(task));
  }
}
