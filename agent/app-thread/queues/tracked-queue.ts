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
  /** As long as it waits: the item of the same queue in whose work it was submitted. */
  cause: QueueItem | undefined;
  /** Of the items that it is the cause of, how many wait. */
  waitingEffects: number;
  workerThreadId: number;
  /** Its worker has had no other one since it began. */
  isAlone: boolean;
  /** It counts as arrived. */
  isIn: boolean;
  beganNs: number;
  isOver: boolean;
  /** Its place among those that wait: `WaitingItems`. */
  isWaiting: boolean;
  earlier: QueueItem | undefined;
  later: QueueItem | undefined;
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
  #active = 0;
  #isGone = false;

  constructor(tracker: QueueTracker, { name, kind }: TrackedQueueOptions) {
    this.#tracker = tracker;
    this.#kind = kind;
    this.#named = tracker.named(name, kind);
  }

  /** An item was submitted; `site` is where, `file:line`, if the patch knows. */
  arrives(site = ''): QueueItem {
    const item = this.stands(site);
    this.letIn(item);
    return item;
  }

  /** An item was submitted, of which it is not known yet whether it is `letIn` or `turnedAway`; meanwhile it waits as the others do. */
  stands(site = ''): QueueItem {
    const item = this.#submitted(site);
    const named = this.#named;
    if (named === undefined) return item;
    const served = this.#tracker.servedItem(named);
    if (served?.queue === this && !served.isOver) {
      item.cause = served;
      if (served.waitingEffects++ === 0) named.cell.add(QUEUE_CELL.SELF_WAITING);
    }
    named.cell.add(QUEUE_CELL.SIZE);
    named.waiting.add(item);
    if (named.waiting.size === 1) named.cell.setOldestSince(item.submittedNs);
    return item;
  }

  letIn(item: QueueItem): void {
    if (item.isIn || item.isOver) return;
    item.isIn = true;
    this.#named?.cell.add(QUEUE_CELL.ARRIVALS);
  }

  turnedAway(item: QueueItem): void {
    if (item.isOver || item.beganNs !== 0) return;
    item.isOver = true;
    if (this.#named !== undefined) this.#leaves(this.#named, item);
    this.refused();
    const nowNs = this.#tracker.nowNs();
    this.#tell(item, 'rejected', -1, nowNs, nowNs);
  }

  /** An item was submitted, and somebody works on it at once: `arrives` and `begins` in one, for half of their price. */
  starts(site = ''): QueueItem {
    const item = this.#submitted(site);
    item.isIn = true;
    item.beganNs = item.submittedNs;
    const named = this.#named;
    if (named === undefined) return item;
    named.cell.add(QUEUE_CELL.ARRIVALS);
    named.cell.waits.record(0);
    named.cell.addActive(1, item.submittedNs);
    this.#active++;
    return item;
  }

  /** What the work of this item is part of: its task's span where it has one, else the span that submitted it. */
  contextOf({ context, spanId }: QueueItem): TraceIds | undefined {
    return context === undefined || spanId === undefined ? context : { ...context, spanId };
  }

  /**
   * It left the queue, and somebody works on it: the worker with this `threadId` of Node's, -1 where that is none or not known. `isFree`: the library knows of no other
   * task there, whatever was told of the end of the last one.
   */
  begins(item: QueueItem, workerThreadId = -1, isFree = false): void {
    if (item.beganNs !== 0 || item.isOver) return;
    const nowNs = this.#tracker.nowNs();
    item.beganNs = nowNs;
    const named = this.#named;
    if (named === undefined) return;
    this.#leaves(named, item);
    named.cell.waits.record(nowNs - item.submittedNs);
    named.cell.addActive(1, nowNs);
    this.#active++;
    item.workerThreadId = workerThreadId;
    if (workerThreadId < 0) return;
    if (isFree) named.frees(workerThreadId);
    item.isAlone = named.joins(workerThreadId, item);
  }

  /** Runs the work on an item that has begun on this thread, so that what it submits is known to be its own. */
  run<T>(item: QueueItem, fn: () => T): T {
    return this.#tracker.runAs(item, fn);
  }

  /** The work on it is over. */
  ends(item: QueueItem, outcome: Extract<TaskOutcome, 'done' | 'failed' | 'aborted'>): void {
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
      if (!this.#isGone) {
        named.cell.addActive(-1, nowNs);
        this.#active--;
      }
      if (item.waitingEffects > 0) named.cell.add(QUEUE_CELL.SELF_WAITING, -1);
      if (item.workerThreadId >= 0 && !named.leaves(item.workerThreadId, item)) item.isAlone = false;
      named.cell.add(outcome === 'aborted' ? QUEUE_CELL.ABORTS : QUEUE_CELL.COMPLETIONS);
      if (outcome === 'failed') named.cell.add(QUEUE_CELL.ERRORS);
    }
    this.#tell(item, outcome, item.workerThreadId, item.beganNs, nowNs);
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
    if (threads === this.#threads && limit === this.#limit) return;
    this.#named?.cell.add(QUEUE_CELL.THREADS, threads - this.#threads);
    this.#named?.cell.add(QUEUE_CELL.LIMIT, limit - this.#limit);
    this.#threads = threads;
    this.#limit = limit;
  }

  /** How many items may wait; 0 where there is no bound. */
  setCapacity(capacity: number): void {
    if (capacity === this.#capacity) return;
    this.#named?.cell.add(QUEUE_CELL.CAPACITY, capacity - this.#capacity);
    this.#capacity = capacity;
  }

  /** All that wait in it have left it without anybody's having worked on them. */
  cleared(): void {
    for (let item = this.#named?.waiting.oldest; item !== undefined; ) {
      const next: QueueItem | undefined = item.later;
      if (item.queue === this) this.gaveUp(item);
      item = next;
    }
  }

  /** It is no more: what it has had is taken off. */
  close(): void {
    this.setThreads(0, 0);
    this.setCapacity(0);
  }

  /** It was collected as garbage: nobody waits there any more, and nobody will say how the work ended that was not told of as over. */
  vanished(): void {
    if (this.#isGone) return;
    this.cleared();
    this.close();
    this.#isGone = true;
    if (this.#active > 0) this.#named?.cell.addActive(-this.#active, this.#tracker.nowNs());
  }

  #submitted(site: string): QueueItem {
    const context = activeTraceIds();
    const isSampled = context !== undefined && (context.traceFlags & SAMPLED) !== 0;
    const spanId = isSampled && this.#kind === 'pool' ? this.#tracker.promised.under(context.spanId) : undefined;
    return {
      submittedNs: this.#tracker.nowNs(),
      context,
      spanId,
      site,
      queue: this,
      cause: undefined,
      waitingEffects: 0,
      workerThreadId: -1,
      isAlone: false,
      isIn: false,
      beganNs: 0,
      isOver: false,
      isWaiting: false,
      earlier: undefined,
      later: undefined,
    };
  }

  #leaves(named: NamedQueue, item: QueueItem): void {
    if (!named.waiting.delete(item)) return;
    named.cell.add(QUEUE_CELL.SIZE, -1);
    named.tellOldest();
    const { cause } = item;
    item.cause = undefined;
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
      isAlone: item.isAlone,
    });
  }
}
