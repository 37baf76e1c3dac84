/**
 * A queue, pool or connection pool that is followed: what its patch tells of its items. The one door between the patches of pools and queues and shared memory.
 *
 * Runs on application threads. It must never wait or throw, and keeps no item longer than the library does.
 *
 * An item: `arrives` -> (`begins` -> `ends`) or `gaveUp`. Its wait is from `arrives` to `begins`, its service from there to `ends`. One that is refused at the
 * door never arrives: `refused`. Each is told once; what comes twice is passed over.
 */
import { internName } from '../../shared-memory/names.ts';
import { QUEUE_CELL, type QueueKind } from '../../shared-memory/queue-cells.ts';
import type { TaskOutcome } from '../../shared-memory/queue-records.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import { activeTraceIds } from '../trace-context.ts';
import type { NamedQueue, QueueTracker } from './queue-tracker.ts';

const SAMPLED = 1;

export interface QueueItem {
  readonly submittedNs: number;
  /** The span that was active at submission. */
  readonly context: TraceIds | undefined;
  /** Of the task's own span, if it is to have one for certain: then spans of the work may be its children. */
  readonly spanId: string | undefined;
  readonly site: string;
  readonly queue: TrackedQueue;
  /** The item of the same queue in whose work it was submitted. */
  readonly cause: QueueItem | undefined;
  /** Of the items that it is the cause of, how many wait. */
  waitingEffects: number;
  workerThreadId: number;
  beganNs: number;
  isOver: boolean;
}

export interface TrackedQueueOptions {
  readonly name: string;
  readonly kind: QueueKind;
}

export class TrackedQueue {
  readonly #tracker: QueueTracker;
  readonly #named: NamedQueue | undefined;
  readonly #kind: QueueKind;
  #threads = 0;
  #limit = 0;
  #capacity = 0;

  constructor(tracker: QueueTracker, { name, kind }: TrackedQueueOptions) {
    this.#tracker = tracker;
    this.#kind = kind;
    this.#named = tracker.named(name, kind);
  }

  /** An item was submitted; `site` is where, `file:line`, if the patch knows. */
  arrives(site = ''): QueueItem {
    const context = activeTraceIds();
    const isSampled = context !== undefined && (context.traceFlags & SAMPLED) !== 0;
    const spanId = isSampled && this.#kind === 'pool' ? this.#tracker.promised.under(context.spanId) : undefined;
    const named = this.#named;
    const served = named === undefined ? undefined : this.#tracker.servedItem(named);
    const item: QueueItem = {
      submittedNs: this.#tracker.nowNs(),
      context,
      spanId,
      site,
      cause: served?.queue === this ? served : undefined,
      queue: this,
      waitingEffects: 0,
      workerThreadId: -1,
      beganNs: 0,
      isOver: false,
    };
    if (named === undefined) return item;
    const { cause } = item;
    if (cause?.isOver === false && cause.waitingEffects++ === 0) named.cell.add(QUEUE_CELL.SELF_WAITING);
    named.cell.add(QUEUE_CELL.ARRIVALS);
    named.cell.add(QUEUE_CELL.SIZE);
    named.waiting.add(item);
    if (named.waiting.size === 1) named.cell.setOldestSince(item.submittedNs);
    return item;
  }

  /** What the work of this item is part of: its task's span where it has one, else the span that submitted it. */
  contextOf({ context, spanId }: QueueItem): TraceIds | undefined {
    return context === undefined || spanId === undefined ? context : { ...context, spanId };
  }

  /** It left the queue, and somebody works on it: the worker with this `threadId` of Node's, -1 where that is none or not known. */
  begins(item: QueueItem, workerThreadId = -1): void {
    if (item.beganNs !== 0 || item.isOver) return;
    const nowNs = this.#tracker.nowNs();
    item.beganNs = nowNs;
    const named = this.#named;
    if (named === undefined) return;
    this.#leaves(named, item);
    named.cell.waits.record(nowNs - item.submittedNs);
    named.cell.addActive(1, nowNs);
    item.workerThreadId = workerThreadId;
    if (workerThreadId >= 0) named.onWorkers.set(workerThreadId, item);
  }

  /** Runs the work on an item that has begun on this thread, so that what it submits is known to be its own. */
  run<T>(item: QueueItem, fn: () => T): T {
    return this.#tracker.runAs(item, fn);
  }

  /** The work on it is over. `workerThreadId` is Node's `threadId` of the worker that did it, where that was not known when it began. */
  ends(
    item: QueueItem,
    outcome: Extract<TaskOutcome, 'done' | 'failed' | 'aborted'>,
    workerThreadId: number = item.workerThreadId,
  ): void {
    if (item.isOver) return;
    if (item.beganNs === 0) {
      this.gaveUp(item);
      return;
    }
    item.isOver = true;
    const nowNs = this.#tracker.nowNs();
    const named = this.#named;
    if (named !== undefined) {
      named.cell.services.record(nowNs - item.beganNs);
      named.cell.addActive(-1, nowNs);
      if (item.waitingEffects > 0) named.cell.add(QUEUE_CELL.SELF_WAITING, -1);
      if (named.onWorkers.get(item.workerThreadId) === item) named.onWorkers.delete(item.workerThreadId);
      named.cell.add(outcome === 'aborted' ? QUEUE_CELL.ABORTS : QUEUE_CELL.COMPLETIONS);
      if (outcome === 'failed') named.cell.add(QUEUE_CELL.ERRORS);
    }
    this.#tell(item, outcome, workerThreadId, item.beganNs, nowNs);
  }

  /** It left the queue without anybody's having worked on it: aborted, timed out, or the queue was cleared. */
  gaveUp(item: QueueItem): void {
    if (item.isOver || item.beganNs !== 0) return;
    item.isOver = true;
    if (this.#named !== undefined) {
      this.#leaves(this.#named, item);
      this.#named.cell.add(QUEUE_CELL.ABORTS);
    }
    const nowNs = this.#tracker.nowNs();
    this.#tell(item, 'aborted', -1, nowNs, nowNs);
  }

  /** Refused at the door: the queue was full, or closed. */
  refused(): void {
    this.#named?.cell.add(QUEUE_CELL.REJECTIONS);
  }

  /** How many work there, how many may; 0 where there is no bound. */
  setThreads(threads: number, limit: number): void {
    this.#named?.cell.add(QUEUE_CELL.THREADS, threads - this.#threads);
    this.#named?.cell.add(QUEUE_CELL.LIMIT, limit - this.#limit);
    this.#threads = threads;
    this.#limit = limit;
  }

  /** How many items may wait; 0 where there is no bound. */
  setCapacity(capacity: number): void {
    this.#named?.cell.add(QUEUE_CELL.CAPACITY, capacity - this.#capacity);
    this.#capacity = capacity;
  }

  /** It is no more: what it has had is taken off. */
  close(): void {
    this.setThreads(0, 0);
    this.setCapacity(0);
  }

  #leaves(named: NamedQueue, item: QueueItem): void {
    if (!named.waiting.delete(item)) return;
    named.cell.add(QUEUE_CELL.SIZE, -1);
    named.tellOldest();
    const { cause } = item;
    if (cause?.isOver === false && --cause.waitingEffects === 0) named.cell.add(QUEUE_CELL.SELF_WAITING, -1);
  }

  /** A record only past the threshold, or where spans of the program are children of the task's. */
  #tell(item: QueueItem, outcome: TaskOutcome, workerThreadId: number, beganNs: number, nowNs: number): void {
    const waitNs = beganNs - item.submittedNs;
    if (this.#named === undefined || (item.spanId === undefined && waitNs < this.#tracker.thresholdNs)) return;
    this.#tracker.record({
      nameNumber: this.#named.nameNumber,
      kind: this.#kind,
      outcome,
      workerThreadId,
      siteNumber: item.site === '' ? 0 : internName(this.#tracker.recorder.memory, item.site),
      submittedNs: item.submittedNs,
      waitNs,
      serviceNs: nowNs - beganNs,
      context: item.context,
      spanId: item.spanId,
    });
  }
}
