/**
 * One asynchronous lock as the agent follows it: who holds it and who waits for it, on this thread. Promise locks, Web Locks and `instrumentLock` tell it of
 * requests, grants and releases; it counts, keeps the table of `async-locks.ts` true for waits that last, and writes the records of long ones.
 *
 * Runs on application threads. It must never throw, and keeps nothing alive but what waits or holds.
 *
 * Invariants
 * T1  A wait that has been published (stands in the table) has its lock's holds published as well, those that follow while it lasts, and the holds in whose
 *     callbacks it was begun: so no lock of a cycle is missing.
 * T2  An entry is closed with the wait or the hold it was opened for.
 */
import { AsyncLockState, type LockMode } from '../../shared-memory/async-locks.ts';
import type { LockRef, WaitOutcome } from '../../shared-memory/lock-records.ts';
import { endsSoon } from '../../shared-memory/wait-word.ts';
import type { Activity } from '../activity.ts';
import type { Trace } from '../call-site.ts';
import { enclosingScope, heldScopes, type LockScope } from '../lock-scope.ts';
import type { NewOrder } from '../scope-orders.ts';
import type { Context } from '../trace-context.ts';
import type { LockClass } from './lock-class.ts';
import type { LockTracker } from './tracker.ts';

const { clearTimeout: clearLater } = globalThis;

/** Who listens to a signal may give up at any time, or never. */
export const WHENEVER_MS: number = Number.MAX_VALUE;
/** A wait this long is a record. */
const RECORDED_NS = 1e6;

/** What is known of some acquisitions only: of those that wait, are measured, or were asked for while there was time to look. */
export class HoldDetails {
  trace: Trace | undefined;
  /** Number of the place it was asked for; -1: not looked at yet. */
  siteNumber = -1;
  /** 0 for none, or none that was looked at. */
  stackNumber = 0;
  /** Those that it makes with the locks of the callbacks around it, unless it gives up first. */
  orders: readonly NewOrder[] | undefined;
  context: Context | undefined;
  sinceNs = 0;
  /** How many holds its own stands for; 0: it is not measured. */
  weight = 0;
  entry = -1;
}

/** One acquisition, from the request to the release: the scope of its callback, if it has one. It is small, because most are nothing else. */
export class Hold implements LockScope {
  readonly lock: TrackedLock;
  /** The callback's own activity or, where there is none, the caller's; 0 for none. */
  activity: number;
  /** Of who asked for it; 0 for none. */
  readonly callerActivity: number;
  /** It is the callback's. */
  readonly isCertain: boolean;
  /** After so long it gives up by itself; `WHENEVER_MS` where a signal says when, undefined for never. */
  timeoutMs: number | undefined;
  isHeld = false;
  /** The callback in which this lock was asked for, while it held its own. */
  outer: LockScope | undefined;
  details: HoldDetails | undefined;

  constructor(lock: TrackedLock, activity: number, outer: Activity | undefined, isCertain: boolean) {
    this.lock = lock;
    this.activity = activity;
    this.callerActivity = outer === undefined ? 0 : outer.activity;
    this.outer = outer === undefined ? undefined : enclosingScope(outer);
    this.isCertain = isCertain;
    this.timeoutMs = undefined;
    this.details = undefined;
  }

  get parentActivity(): number {
    return this.isCertain ? this.callerActivity : this.callersParent;
  }

  /** The activity whose child the caller is, as far as that is known. */
  get callersParent(): number {
    return this.outer?.activity === this.callerActivity ? this.outer.parentActivity : 0;
  }

  get className(): string | undefined {
    return this.lock.lockClass.ownName;
  }

  get ref(): LockRef {
    const { lockClass, id, mode } = this.lock;
    return { lockId: id, classNumber: lockClass.number, kind: lockClass.kind, mode };
  }

  /** To be asked only for what is written there. */
  detail(): HoldDetails {
    this.details ??= new HoldDetails();
    return this.details;
  }
}

/** A request that has to wait. */
export class Wait {
  readonly hold: Hold;
  readonly sinceNs: number;
  isOver = false;
  entry = -1;
  /** Ends the wait of who gives up by itself. */
  timer: NodeJS.Timeout | undefined;
  /** The neighbours in the tracker's list. */
  earlier: Wait | undefined;
  later: Wait | undefined;

  constructor(hold: Hold, sinceNs: number) {
    this.hold = hold;
    this.sinceNs = sinceNs;
  }
}

export class TrackedLock {
  /** Of the thread's own, < 0. */
  readonly id: number;
  readonly lockClass: LockClass;
  /** Of all its holds. */
  readonly mode: LockMode;
  /** Number of a name for people, or 0; of a Web Lock its identity. */
  readonly instanceNumber: number;
  readonly holds: Hold[] = [];
  /** The agent knows an order of it and another one of its class. */
  isOrdered = false;
  readonly #tracker: LockTracker;
  readonly #isShared: boolean;
  #waiting = 0;
  /** The hold that ended last: it is what the next one waited for. */
  #last: Hold | undefined;
  #published = 0;

  constructor(
    tracker: LockTracker,
    id: number,
    lockClass: LockClass,
    mode: LockMode,
    instanceNumber: number,
    isShared: boolean,
  ) {
    this.#tracker = tracker;
    this.mode = mode;
    this.#isShared = isShared;
    this.id = id;
    this.lockClass = lockClass;
    this.instanceNumber = instanceNumber;
  }

  get isWaitedFor(): boolean {
    return this.#waiting > 0;
  }

  get isIdle(): boolean {
    return this.holds.length === 0 && this.#waiting === 0;
  }

  /** Somebody asks for the lock; with `isScoped` for a callback, which is to run as the hold's activity. To be called in the caller's own turn. */
  request(isScoped: boolean): Hold {
    return this.#tracker.request(this, isScoped);
  }

  /** It is given without a wait. */
  granted(hold: Hold): void {
    const weight = this.lockClass.acquired();
    if (weight > 0) {
      const details = hold.detail();
      details.weight = weight;
      details.sinceNs = this.#tracker.nowNs();
    }
    this.#hold(hold);
  }

  /** It has to wait. To be called in the caller's own turn. */
  waits(hold: Hold): Wait {
    const wait = new Wait(hold, this.#tracker.nowNs());
    this.#waiting++;
    this.lockClass.beginsToWait();
    this.#tracker.waits(wait);
    return wait;
  }

  /** It is given after a wait; false when that is over. What took less than `contendedNs` was none. */
  grantedAfter(wait: Wait, contendedNs = 0): boolean {
    const nowNs = this.#tracker.nowNs();
    if (!this.#ends(wait)) return false;
    const { hold } = wait;
    this.#unpublish(wait);
    if (nowNs - wait.sinceNs < contendedNs) {
      this.granted(hold);
      return true;
    }
    this.lockClass.acquiredAfter(nowNs - wait.sinceNs);
    const details = hold.detail();
    details.weight = 1;
    details.sinceNs = nowNs;
    this.#record(wait, 'acquired', nowNs);
    this.#hold(hold);
    return true;
  }

  /** It is never given. */
  gaveUp(wait: Wait, outcome: Exclude<WaitOutcome, 'acquired'>): void {
    if (!this.#ends(wait)) return;
    if (outcome === 'timeout') this.lockClass.timedOut();
    else this.lockClass.aborted();
    this.#record(wait, outcome, this.#tracker.nowNs());
    this.#unpublish(wait);
  }

  released(hold: Hold): void {
    if (!hold.isHeld) return;
    hold.isHeld = false;
    this.#tracker.holding--;
    const { holds } = this;
    if (holds[holds.length - 1] === hold) holds.pop();
    else holds.splice(holds.indexOf(hold), 1);
    if (hold.details !== undefined) this.#account(hold.details);
    this.#last = this.#waiting > 0 ? hold : undefined;
  }

  /** Puts a wait, and whom it is for, into the table. */
  publish(wait: Wait): void {
    if (wait.entry >= 0 || wait.isOver) return;
    const { hold } = wait;
    const caller = hold.callerActivity;
    wait.entry = this.#tracker.open(hold, {
      state: AsyncLockState.WAITING,
      activity: caller === 0 ? this.#tracker.nextActivity() : caller,
      parentActivity: hold.callersParent,
      isCertain: caller !== 0 && this.#isKnown,
      isTimed: hold.timeoutMs !== undefined && endsSoon(hold.timeoutMs),
      sinceNs: wait.sinceNs,
      stackNumber: hold.details?.stackNumber ?? 0,
    });
    if (wait.entry >= 0) this.#published++;
    for (const held of this.holds) this.#publishHold(held);
    /* Those of `gridwatch/sync` stand in the table for as long as they last. */
    for (const outer of heldScopes(hold.outer)) if (outer instanceof Hold) outer.lock.#publishHold(outer);
  }

  #ends(wait: Wait): boolean {
    if (wait.isOver) return false;
    wait.isOver = true;
    this.#waiting--;
    this.#tracker.ends(wait);
    this.lockClass.endsToWait(wait.sinceNs);
    if (wait.timer !== undefined) clearLater(wait.timer);
    return true;
  }

  #account(details: HoldDetails): void {
    if (details.weight > 0) this.lockClass.held(this.#tracker.nowNs() - details.sinceNs, details.weight);
    if (details.entry >= 0) {
      this.#tracker.table.close(details.entry);
      details.entry = -1;
    }
  }

  get #isKnown(): boolean {
    return this.lockClass.kind !== 'web_lock' || this.instanceNumber !== 0;
  }

  #hold(hold: Hold): void {
    this.holds.push(hold);
    hold.isHeld = true;
    if (hold.details?.orders !== undefined) this.#tracker.tellOrders(hold, hold.details);
    this.#tracker.holding++;
    if (this.#published > 0 || this.#isShared) this.#publishHold(hold);
  }

  #publishHold(hold: Hold): void {
    const details = hold.detail();
    if (details.entry >= 0) return;
    if (hold.activity === 0) hold.activity = this.#tracker.nextActivity();
    /* Of one that is not measured it is not known: since now, at the latest. */
    if (details.sinceNs === 0) details.sinceNs = this.#tracker.nowNs();
    details.entry = this.#tracker.open(hold, {
      state: AsyncLockState.HELD,
      activity: hold.activity,
      parentActivity: hold.parentActivity,
      isCertain: hold.isCertain && this.#isKnown,
      sinceNs: details.sinceNs,
      stackNumber: 0,
    });
  }

  #unpublish(wait: Wait): void {
    if (wait.entry < 0) return;
    this.#tracker.table.close(wait.entry);
    wait.entry = -1;
    this.#published--;
  }

  #record(wait: Wait, outcome: WaitOutcome, nowNs: number): void {
    if (nowNs - wait.sinceNs >= RECORDED_NS) {
      const holder = outcome === 'acquired' ? (this.#last ?? this.holds[0]) : (this.holds[0] ?? this.#last);
      this.#tracker.record(wait, outcome, nowNs, holder);
    }
    if (this.#waiting === 0) this.#last = undefined;
  }
}
