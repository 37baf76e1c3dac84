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
import type { Activity } from '../activity.ts';
import { type Trace, takeTrace } from '../call-site.ts';
import { lockObserver } from '../lock-observer.ts';
import { findMessageLink } from '../message-link.ts';
import { ProgramFrames } from '../program-frames.ts';
import type { Recorder } from '../recorder.ts';
import { PromisedSpans } from '../span-ids.ts';
import type { QueueItem } from './tracked-queue.ts';
import { WaitingItems } from './waiting-items.ts';

const POOLS = featureBits(['pools']);
const QUEUES = featureBits(['queues']);

/** Traces of a thread's queues in the making, in a second. */
const TRACES = 1000;

/** All queues of one name and kind on this thread. */
export class NamedQueue {
  readonly nameNumber: number;
  readonly cell: QueueCell;
  /** Those that wait, in the order in which they came. */
  readonly waiting: WaitingItems = new WaitingItems();

  constructor(nameNumber: number, cell: QueueCell) {
    this.nameNumber = nameNumber;
    this.cell = cell;
  }

  /** Those in service on a worker, by Node's `threadId` of that. */
  readonly onWorkers: Map<number, QueueItem> = new Map();
  /** How many are in service on workers that were given one while they had another, until they have none. */
  readonly #crowds = new Map<number, number>();

  /** An item begins on a worker; false if it is not the only one there. */
  joins(workerThreadId: number, item: QueueItem): boolean {
    const { onWorkers } = this;
    const before = onWorkers.size;
    onWorkers.set(workerThreadId, item);
    const crowd = this.#crowds.size === 0 ? undefined : this.#crowds.get(workerThreadId);
    if (crowd === undefined && onWorkers.size > before) return true;
    this.#crowds.set(workerThreadId, (crowd ?? 1) + 1);
    return false;
  }

  /**
   * The worker has given back all that it had, though of the last one it has not been told yet that it ended: what begins now has the worker alone. Where there were several
   * they stay a crowd until all have left.
   */
  frees(workerThreadId: number): void {
    if (!this.#crowds.has(workerThreadId)) this.onWorkers.delete(workerThreadId);
  }

  /** It has ended there; false if another one has come meanwhile. */
  leaves(workerThreadId: number, item: QueueItem): boolean {
    const { onWorkers } = this;
    if (onWorkers.get(workerThreadId) === item) onWorkers.delete(workerThreadId);
    const crowd = this.#crowds.size === 0 ? undefined : this.#crowds.get(workerThreadId);
    if (crowd === undefined) return true;
    if (crowd > 1) this.#crowds.set(workerThreadId, crowd - 1);
    else this.#crowds.delete(workerThreadId);
    return false;
  }

  /** To be called after each change of who waits at its front. */
  tellOldest(): void {
    this.cell.setOldestSince(this.waiting.oldest?.submittedNs ?? 0);
  }
}

/** The scope in which an item's work runs, if the patch runs it: an activity, so locks taken there are its own. */
class ItemScope implements Activity {
  readonly activity: number;
  readonly item: QueueItem;

  constructor(activity: number, item: QueueItem) {
    this.activity = activity;
    this.item = item;
  }
}

/** Where the counts of a name go: into the memory of the agent, or wherever there is none. */
export type ClaimQueueCell = typeof claimQueueCell;

export class QueueTracker {
  readonly recorder: Recorder;
  readonly config: Config;
  readonly promised: PromisedSpans;
  readonly #claimCell: ClaimQueueCell;
  readonly #named = new Map<string, NamedQueue | undefined>();
  readonly #frames = new ProgramFrames();
  #traces = TRACES;
  #secondNs = 0;

  constructor(recorder: Recorder, config: Config, claimCell: ClaimQueueCell = claimQueueCell) {
    this.recorder = recorder;
    this.config = config;
    this.#claimCell = claimCell;
    this.promised = new PromisedSpans(() => recorder.areSpansOff);
  }

  nowNs(): number {
    return this.recorder.clock.nowNs();
  }

  /** Runs the work on an item, and all that it begins, in a scope of its own, where there are scopes. */
  runAs<T>(item: QueueItem, fn: () => T): T {
    const activities = lockObserver()?.activities;
    return activities === undefined ? fn() : activities.runAs(new ItemScope(activities.next(), item), fn);
  }

  /** The item in whose work this code runs; of this thread's own queues, or that of the worker whose message is served. */
  servedItem(named: NamedQueue): QueueItem | undefined {
    const scope = lockObserver()?.activities?.scope;
    if (scope instanceof ItemScope) return scope.item;
    return named.onWorkers.size === 0 ? undefined : named.onWorkers.get(findMessageLink()?.servingThreadId() ?? -1);
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
    const cell = this.#claimCell(memory, claim, nameNumber, kind);
    const named = cell === undefined ? undefined : new NamedQueue(nameNumber, cell);
    this.#named.set(key, named);
    return named;
  }

  /** Where a queue is made; undefined of one of too many. */
  traceOfMaking(): Trace | undefined {
    const nowNs = this.nowNs();
    if (nowNs - this.#secondNs > 1e9) {
      this.#secondNs = nowNs;
      this.#traces = TRACES;
    }
    return this.#traces-- > 0 ? takeTrace() : undefined;
  }

  /** `<library>@<file>:<line>` of a trace. To be asked once. */
  nameOf(library: string, trace: Trace | undefined): string {
    return this.#frames.nameOf(library, trace);
  }

  record(task: TaskRecord): void {
    this.recorder.record(encodeTask(task));
  }
}
