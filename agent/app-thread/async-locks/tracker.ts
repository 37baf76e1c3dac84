/**
 * What the asynchronous locks of a thread have in common: their classes, their places, the time at which waits are published, and what leaves by the ring.
 *
 * Runs on application threads, one tracker a thread, made with the first such lock. It must never throw.
 *
 * Most waits are short. One stands in the table of `async-locks.ts` only once it has lasted for 10 ms, or when the thread is about to block or to end; its place
 * is looked up then, or when it becomes a record.
 */
import { featureBits } from '../../config/feature-bits.ts';
import type { Feature } from '../../config/options.ts';
import type { AsyncLock, AsyncLockTable, LockMode } from '../../shared-memory/async-locks.ts';
import { claimClassCell } from '../../shared-memory/class-cells.ts';
import { HEADER } from '../../shared-memory/layout.ts';
import type { LockKind } from '../../shared-memory/lock-block.ts';
import type { LockHolder, WaitOutcome } from '../../shared-memory/lock-records.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { Activities } from '../activity.ts';
import type { Trace } from '../call-site.ts';
import type { LockObserver } from '../lock-observer.ts';
import type { Taken } from '../scope-orders.ts';
import { type Context, registeredApi, spanContextIn, validIds } from '../trace-context.ts';
import { LockClass } from './lock-class.ts';
import { Places } from './places.ts';
import { Hold, type HoldDetails, TrackedLock, type Wait } from './tracked-lock.ts';
import { WaitList } from './wait-list.ts';

/** A wait is published after this time: it is to be seen by who looks for deadlocks every few hundred milliseconds. */
const PUBLISHED_MS = 10;
/** Classes a thread may have; a program that makes names up joins the rest of them in the library's own. */
const MAX_CLASSES = 512;
/** Names of instances are kept for ever. */
const MAX_INSTANCES = 1000;
const MAX_ID = 0x7fffffff;
const FEATURES_OFF = HEADER.FEATURES_OFF >> 2;

const { setTimeout: later } = globalThis;

/** Where the counts of a class go: into the memory of the agent, or wherever there is none. */
export type ClaimCell = typeof claimClassCell;

/** The part of an entry that is not the lock's. */
type EntryState = Pick<
  AsyncLock,
  'state' | 'activity' | 'parentActivity' | 'isCertain' | 'isTimed' | 'sinceNs' | 'stackNumber'
>;

export class LockTracker {
  readonly table: AsyncLockTable;
  readonly #observer: LockObserver;
  readonly #claimCell: ClaimCell;
  readonly #i32: Int32Array;
  readonly #activities: Activities;
  readonly #places: Places;
  readonly #classes = new Map<string, LockClass>();
  readonly #instances = new Map<string, number>();
  readonly #waits = new WaitList();
  /** Once it is there it stays: looked for as often as traces are taken. */
  #api: ReturnType<typeof registeredApi>;
  /** How many locks are held now. */
  holding = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #secondNs = 0;

  constructor(observer: LockObserver, claimCell: ClaimCell = claimClassCell) {
    this.#observer = observer;
    this.#claimCell = claimCell;
    this.#activities = observer.allActivities;
    this.#i32 = observer.recorder.memory.i32;
    this.table = observer.asyncLocks;
    this.#places = new Places(observer);
  }

  /** Whether one of these features is switched off, now. */
  isOff(bits: number): boolean {
    return ((this.#i32[FEATURES_OFF] as number) & bits) !== 0;
  }

  get activities(): Activities | undefined {
    return this.#activities.isOn ? this.#activities : undefined;
  }

  nextActivity(): number {
    return this.#observer.nextActivity();
  }

  nowNs(): number {
    const nowNs = this.#observer.nowNs();
    if (nowNs - this.#secondNs > 1e9) {
      this.#secondNs = nowNs;
      this.#places.refill();
    }
    return nowNs;
  }

  /** The class of a name; when there are too many, the one called `otherwise`. */
  classOf(name: string, kind: LockKind, mode: LockMode = 'exclusive', otherwise = '_OTHER'): LockClass {
    const known = this.#classes.get(`${kind} ${mode} ${name}`);
    if (known !== undefined) return known;
    if (this.#classes.size >= MAX_CLASSES && name !== otherwise) return this.classOf(otherwise, kind, mode, otherwise);
    const { recorder } = this.#observer;
    const number = this.#observer.intern(name);
    const cell = this.#claimCell(recorder.memory, recorder.claim, number, kind, mode);
    const made = new LockClass(number, kind, cell, name === otherwise);
    this.#classes.set(`${kind} ${mode} ${name}`, made);
    return made;
  }

  /** The number of an instance's name; 0 when there were too many of them. */
  instanceOf(name: string): number {
    const known = this.#instances.get(name);
    if (known !== undefined) return known;
    if (this.#instances.size >= MAX_INSTANCES) return 0;
    const number = this.#observer.intern(name);
    this.#instances.set(name, number);
    return number;
  }

  /** Keys of locks leave the process only where the configuration says so. */
  keyOf(key: string): number {
    return this.#observer.config.names === 'full' ? this.instanceOf(key) : 0;
  }

  /** `isShared`: it may be waited for on other threads. */
  lock(lockClass: LockClass, instanceNumber = 0, isShared = false, mode: LockMode = 'exclusive'): TrackedLock {
    this.#lastId = this.#lastId >= MAX_ID ? 1 : this.#lastId + 1;
    return new TrackedLock(this, -this.#lastId, lockClass, mode, instanceNumber, isShared);
  }

  /** `<library>@<file>:<line>` of a trace; the frames of the library's own files are not looked at. */
  nameOf(library: string, trace: Trace | undefined): string {
    return this.#places.nameOf(library, trace);
  }

  /** Where a lock is made; undefined of one of too many. */
  traceOfMaking(): Trace | undefined {
    this.nowNs();
    return this.#places.ofMaking();
  }

  request(lock: TrackedLock, isScoped: boolean): Hold {
    const activities = this.#activities;
    const caller = activities.scope;
    const isCertain = isScoped && activities.isOn;
    const own = isCertain ? activities.next() : caller === undefined ? 0 : caller.activity;
    const hold = new Hold(lock, own, caller, isCertain);
    if (this.#places.ofRequest(hold)) this.#api ??= registeredApi();
    if (hold.outer !== undefined) this.#noteOrders(hold);
    const context = this.#api?.context;
    if (context !== undefined) hold.detail().context = activeContext(context);
    return hold;
  }

  /** A wait has begun. */
  waits(wait: Wait): void {
    this.#places.ofWait(wait.hold);
    this.#waits.add(wait);
    if (this.#timer === undefined) this.#arm();
  }

  /** It is over. */
  ends(wait: Wait): void {
    this.#waits.remove(wait);
  }

  /** Publishes the waits that have lasted for long enough; before the thread blocks or ends, all of them. */
  publish(olderThanNs = 0): void {
    const nowNs = this.nowNs();
    const seen = new Set<LockClass>();
    for (let wait = this.#waits.oldest; wait !== undefined; wait = wait.later) {
      if (nowNs - wait.sinceNs < olderThanNs) break;
      const { lock } = wait.hold;
      if (!seen.has(lock.lockClass)) {
        seen.add(lock.lockClass);
        lock.lockClass.oldest(wait.sinceNs);
      }
      if (wait.entry >= 0) continue;
      this.#places.stackNumber(wait.hold);
      lock.publish(wait);
    }
  }

  open(hold: Hold, entry: EntryState): number {
    const { lock } = hold;
    return this.table.open({
      ...entry,
      lockId: lock.id,
      kind: lock.lockClass.kind,
      mode: lock.mode,
      classNumber: lock.lockClass.number,
      instanceNumber: lock.instanceNumber,
      siteNumber: this.#places.siteNumber(hold),
      context: contextIds(hold),
    });
  }

  /** A wait of a millisecond and more is over. */
  record(wait: Wait, outcome: WaitOutcome, nowNs: number, holder: Hold | undefined): void {
    const { hold } = wait;
    if (this.#observer.config.stacks === 'all') this.#places.stackNumber(hold);
    this.#observer.recordWait({
      ...hold.ref,
      outcome,
      startNs: wait.sinceNs,
      durationNs: nowNs - wait.sinceNs,
      siteNumber: this.#places.siteNumber(hold),
      stackNumber: hold.details?.stackNumber ?? 0,
      context: contextIds(hold),
      holder: this.#accountOf(holder),
      instanceNumber: hold.lock.instanceNumber,
    });
  }

  /** A lock was given that was asked for in the callbacks of others. */
  tellOrders(hold: Hold, details: HoldDetails): void {
    const orders = hold.timeoutMs === undefined ? (details.orders ?? []) : [];
    if (orders.length > 0)
      this.#observer.scopeOrders.tell(orders, takenBy(hold), this.#places.stackNumber(hold), contextIds(hold));
    details.orders = undefined;
    for (const { outer } of orders) {
      if (!(outer instanceof Hold) || outer.lock.lockClass !== hold.lock.lockClass) continue;
      outer.lock.isOrdered = true;
      hold.lock.isOrdered = true;
    }
  }

  /** Where and in which span it is asked for shows only now: when it is given, whoever released it is running. */
  #noteOrders(hold: Hold): void {
    const orders = this.#observer.scopeOrders.newOrders(hold.outer, takenBy(hold));
    /* An order is told once: rather with its place, the next time. */
    if (orders.length === 0 || !this.#places.ofWait(hold)) return;
    this.#api ??= registeredApi();
    hold.detail().orders = orders;
  }

  #accountOf(holder: Hold | undefined): LockHolder {
    const slot = holder === undefined ? 0 : this.#observer.claim.slot + 1;
    const siteNumber = holder === undefined ? 0 : this.#places.siteNumber(holder);
    return { holderWord: 0, slot, siteNumber, stackNumber: 0, context: holder && contextIds(holder) };
  }

  #arm(): void {
    this.#timer = later(() => {
      this.#timer = undefined;
      this.publish(PUBLISHED_MS * 1e6);
      if (this.#waits.oldest !== undefined) this.#arm();
    }, PUBLISHED_MS).unref();
  }
}

export const PROMISE_LOCKS: number = featureBits(['locks', 'promise_locks'] satisfies Feature[]);

function activeContext(manager: { active?(): Context | undefined }): Context | undefined {
  try {
    return manager.active?.();
  } catch {
    return undefined;
  }
}

function takenBy({ ref, className }: Hold): Taken {
  return { ref, className, isAsync: true };
}

function contextIds({ details }: Hold): TraceIds | undefined {
  const context = details?.context;
  if (context === undefined) return undefined;
  try {
    return validIds(spanContextIn(context));
  } catch {
    return undefined;
  }
}
