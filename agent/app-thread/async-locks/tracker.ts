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
import type { LockKind } from '../../shared-memory/lock-memory.ts';
import type { LockHolder, WaitOutcome } from '../../shared-memory/lock-records.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { Activities } from '../activity.ts';
import { framesOf, siteOf, stackOf, type Trace, takeTrace } from '../call-site.ts';
import type { LockObserver } from '../lock-observer.ts';
import { type Context, registeredApi, spanContextIn, validIds } from '../trace-context.ts';
import { LockClass } from './lock-class.ts';
import { LockOrders, refOf } from './lock-orders.ts';
import { Hold, TrackedLock, type Wait } from './tracked-lock.ts';

/** A wait is published after this time: it is to be seen by who looks for deadlocks every few hundred milliseconds. */
const PUBLISHED_MS = 10;
/** Traces a thread takes in a second: of requests that are granted at once, and of those that wait. A microsecond or two each. */
const TRACES_GRANTED = 100;
const TRACES_WAITING = 1000;
const TRACES_MADE = 1000;
/** Stacks that a thread looks up in a second. */
const STACKS = 100;
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
type EntryState = Pick<AsyncLock, 'state' | 'activity' | 'parentActivity' | 'isCertain' | 'sinceNs' | 'stackNumber'>;

export class LockTracker {
  readonly table: AsyncLockTable;
  readonly #observer: LockObserver;
  readonly #claimCell: ClaimCell;
  readonly #i32: Int32Array;
  readonly #activities: Activities;
  readonly #orders: LockOrders;
  readonly #folder = process.cwd();
  readonly #own = ownFolder();
  readonly #isOurs = (file: string): boolean =>
    file === '' || file.startsWith('node:') || (this.#own !== '' && file.startsWith(this.#own));
  readonly #classes = new Map<string, LockClass>();
  readonly #instances = new Map<string, number>();
  /** Those that wait, in the order in which they began. */
  #oldest: Wait | undefined;
  #newest: Wait | undefined;
  /** Once it is there it stays: looked for as often as traces are taken. */
  #api: ReturnType<typeof registeredApi>;
  #timer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #secondNs = 0;
  #tracesGranted = TRACES_GRANTED;
  #tracesWaiting = TRACES_WAITING;
  #tracesMade = TRACES_MADE;
  #stacks = STACKS;

  constructor(observer: LockObserver, claimCell: ClaimCell = claimClassCell) {
    this.#observer = observer;
    this.#claimCell = claimCell;
    this.#activities = observer.allActivities;
    this.#i32 = observer.recorder.memory.i32;
    this.table = observer.asyncLocks;
    this.#orders = new LockOrders(observer);
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
      this.#tracesGranted = TRACES_GRANTED;
      this.#tracesWaiting = TRACES_WAITING;
      this.#tracesMade = TRACES_MADE;
      this.#stacks = STACKS;
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
    const made = new LockClass(number, kind, cell);
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
    const site = trace === undefined ? '' : siteOf(this.#programFrames(trace, library), this.#folder);
    return site === '' ? library : `${library}@${site}`;
  }

  /** Where a lock is made; undefined of one of too many. */
  traceOfMaking(): Trace | undefined {
    this.nowNs();
    if (this.#tracesMade <= 0) return undefined;
    this.#tracesMade--;
    return takeTrace();
  }

  request(lock: TrackedLock, isScoped: boolean): Hold {
    const activities = this.#activities;
    const caller = activities.scope;
    const isCertain = isScoped && activities.isOn;
    const own = isCertain ? activities.next() : caller === undefined ? 0 : caller.activity;
    const hold = new Hold(lock, own, caller, isCertain);
    if (this.#tracesGranted > 0) {
      this.#tracesGranted--;
      hold.detail().trace = takeTrace();
      this.#api ??= registeredApi();
    }
    const context = this.#api?.context;
    if (context !== undefined) hold.detail().context = activeContext(context);
    return hold;
  }

  /** A wait has begun. */
  waits(wait: Wait): void {
    const { hold } = wait;
    if (hold.details?.trace === undefined && this.#tracesWaiting > 0) {
      this.#tracesWaiting--;
      hold.detail().trace = takeTrace();
    }
    wait.earlier = this.#newest;
    if (this.#newest === undefined) this.#oldest = wait;
    else this.#newest.later = wait;
    this.#newest = wait;
    if (this.#timer === undefined) this.#arm();
  }

  /** It is over. */
  ends(wait: Wait): void {
    const { earlier, later: next } = wait;
    if (earlier === undefined) this.#oldest = next;
    else earlier.later = next;
    if (next === undefined) this.#newest = earlier;
    else next.earlier = earlier;
    wait.earlier = undefined;
    wait.later = undefined;
  }

  /** Publishes the waits that have lasted for long enough; before the thread blocks or ends, all of them. */
  publish(olderThanNs = 0): void {
    const nowNs = this.nowNs();
    const seen = new Set<LockClass>();
    for (let wait = this.#oldest; wait !== undefined; wait = wait.later) {
      if (nowNs - wait.sinceNs < olderThanNs) break;
      const { lock } = wait.hold;
      if (!seen.has(lock.lockClass)) {
        seen.add(lock.lockClass);
        lock.lockClass.oldest(wait.sinceNs);
      }
      if (wait.entry >= 0) continue;
      this.#describe(wait);
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
      siteNumber: this.#siteNumber(hold),
      context: contextIds(hold),
    });
  }

  /** A wait of a millisecond and more is over. */
  record(wait: Wait, outcome: WaitOutcome, nowNs: number, holder: Hold | undefined): void {
    const { hold } = wait;
    if (this.#observer.config.stacks === 'all') this.#describe(wait);
    this.#observer.recordWait({
      ...refOf(hold),
      outcome,
      startNs: wait.sinceNs,
      durationNs: nowNs - wait.sinceNs,
      siteNumber: this.#siteNumber(hold),
      stackNumber: wait.stackNumber,
      context: contextIds(hold),
      holder: this.#accountOf(holder),
      instanceNumber: hold.lock.instanceNumber,
    });
  }

  /** A lock was given to who holds others. */
  learnOrder(hold: Hold): void {
    this.#orders.learn(hold, () => this.#stackNumber(hold));
  }

  #accountOf(holder: Hold | undefined): LockHolder {
    const slot = holder === undefined ? 0 : this.#observer.claim.slot + 1;
    const siteNumber = holder === undefined ? 0 : this.#siteNumber(holder);
    return { holderWord: 0, slot, siteNumber, stackNumber: 0, context: holder && contextIds(holder) };
  }

  #describe(wait: Wait): void {
    if (wait.stackNumber === 0) wait.stackNumber = this.#stackNumber(wait.hold);
  }

  #stackNumber(hold: Hold): number {
    const { details } = hold;
    if (details?.trace === undefined) return 0;
    const frames = this.#programFrames(details.trace, '');
    details.trace = undefined;
    details.siteNumber = this.#observer.intern(siteOf(frames, this.#folder));
    if (this.#stacks <= 0 || this.#observer.config.stacks === 'off') return 0;
    this.#stacks--;
    return this.#observer.intern(stackOf(frames, this.#folder));
  }

  #siteNumber(hold: Hold): number {
    const { details } = hold;
    if (details === undefined) return 0;
    if (details.siteNumber < 0) {
      const { trace } = details;
      details.trace = undefined;
      details.siteNumber =
        trace === undefined ? 0 : this.#observer.intern(siteOf(this.#programFrames(trace, ''), this.#folder));
    }
    return details.siteNumber;
  }

  /** The program's own frames; of a program that is all libraries those that are not of this one. */
  #programFrames(trace: Trace, library: string): NodeJS.CallSite[] {
    const frames = framesOf(trace, this.#isOurs);
    const ofProgram = frames.filter((frame) => !isLibrary(frame.getFileName() ?? ''));
    if (ofProgram.length > 0) return ofProgram;
    return frames.filter(
      (frame) => library === '' || !(frame.getFileName() ?? '').includes(`/node_modules/${library}/`),
    );
  }

  #arm(): void {
    this.#timer = later(() => {
      this.#timer = undefined;
      this.publish(PUBLISHED_MS * 1e6);
      if (this.#oldest !== undefined) this.#arm();
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

function contextIds({ details }: Hold): TraceIds | undefined {
  const context = details?.context;
  if (context === undefined) return undefined;
  try {
    return validIds(spanContextIn(context));
  } catch {
    return undefined;
  }
}

/** The folder of our own files: of the sources, or of the one file that they were joined into. */
function ownFolder(): string {
  const file = framesOf(takeTrace(), () => false)[0]?.getFileName() ?? '';
  return /^(.*?[\\/])(?:app-thread[\\/](?:async-locks[\\/])?)?[^\\/]+$/.exec(file)?.[1] ?? '';
}

function isLibrary(file: string): boolean {
  return /[\\/]node_modules[\\/]/.test(file);
}
