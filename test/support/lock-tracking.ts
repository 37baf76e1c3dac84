/**
 * What locks record with, without an agent, and what they and a tracker of asynchronous ones have written, read as the agent thread reads it. Runs in a
 * test's own process.
 */
import type { Hold, TrackedLock } from '../../agent/app-thread/async-locks/tracked-lock.ts';
import { LockTracker } from '../../agent/app-thread/async-locks/tracker.ts';
import { type LockRecording, setLockLink } from '../../agent/app-thread/lock-link.ts';
import { type LockNotice, LockObserver } from '../../agent/app-thread/lock-observer.ts';
import type { GridwatchOptions } from '../../agent/config/options.ts';
import { resolveConfig } from '../../agent/config/resolve.ts';
import { type AsyncLock, readAsyncLocks } from '../../agent/shared-memory/async-locks.ts';
import { CELL, scanClassCells } from '../../agent/shared-memory/class-cells.ts';
import {
  decodeLockBlame,
  decodeLockOrder,
  decodeLockWait,
  type LockBlameRecord,
  type LockOrderRecord,
  type LockWaitRecord,
} from '../../agent/shared-memory/lock-records.ts';
import { RecordKind } from '../../agent/shared-memory/records.ts';
import { onlyOf, TrackedThread } from './tracked-thread.ts';

export interface ClassCounts {
  readonly acquisitions: number;
  readonly contentions: number;
  readonly timeouts: number;
  readonly aborts: number;
  readonly waiters: number;
  readonly waits: number;
  readonly holds: number;
}

/** An entry of the table with its names. */
export interface ShownEntry extends AsyncLock {
  readonly className: string;
  readonly site: string;
  readonly stack: string;
  readonly instance: string;
}

/** What has come by the ring. */
export interface Told {
  readonly waits: LockWaitRecord[];
  readonly blames: LockBlameRecord[];
  readonly orders: LockOrderRecord[];
}

export class LockTracking extends TrackedThread {
  /** What the agent thread is sent. */
  readonly notices: LockNotice[] = [];
  readonly #recording: LockRecording;
  readonly observer: LockObserver;
  readonly tracker: LockTracker;

  /** `baseS`: of the clock of the locks that are to record here. */
  constructor(options: GridwatchOptions = {}, baseS?: number) {
    super(baseS);
    this.#recording = {
      recorder: this.recorder,
      config: resolveConfig({}, options).config,
      tell: (notice) => void this.notices.push(notice),
      beforeWait: () => {},
      blockListeners: [],
      atomics: Atomics,
    };
    this.observer = new LockObserver(this.#recording);
    this.tracker = new LockTracker(this.observer);
  }

  /** A promise lock of a class. */
  lockNamed(name: string): TrackedLock {
    return this.tracker.lock(this.tracker.classOf(name, 'promise'));
  }

  /** One that is held, as a callback's. */
  held(name: string): { lock: TrackedLock; hold: Hold } {
    const lock = this.lockNamed(name);
    const hold = lock.request(true);
    lock.granted(hold);
    return { lock, hold };
  }

  /** Asks for a lock inside of another one's callback. */
  within<T>(hold: Hold, ask: () => T): T {
    const { activities } = this.tracker;
    if (activities === undefined) throw new Error('this Node has no cheap scopes');
    return activities.runAs(hold, ask);
  }

  /** Links this thread to what records here, as the preload does; undone by `setLockLink` without a recording. */
  link(lockBuffer: SharedArrayBuffer = new SharedArrayBuffer(8)): void {
    setLockLink(lockBuffer, this.#recording);
  }

  /** What was counted of each class. */
  get classes(): Record<string, ClassCounts> {
    const found: Record<string, ClassCounts> = {};
    scanClassCells(this.memory, (at, _, classNumber) => {
      const word = (field: number): number => this.memory.i32[(at + field) >> 2] as number;
      found[this.name(classNumber)] = {
        acquisitions: word(CELL.ACQUISITIONS),
        contentions: word(CELL.CONTENTIONS),
        timeouts: word(CELL.TIMEOUTS),
        aborts: word(CELL.ABORTS),
        waiters: word(CELL.WAITERS),
        waits: this.countAt(at + CELL.WAITS),
        holds: this.countAt(at + CELL.HOLDS),
      };
    });
    return found;
  }

  /** The one class there is. */
  get only(): ClassCounts {
    return onlyOf(this.classes);
  }

  /** What stands in the table once everything that waits was published. */
  get entries(): ShownEntry[] {
    this.tracker.publish();
    return readAsyncLocks(this.memory, this.slot).map((entry) => ({
      ...entry,
      className: this.name(entry.classNumber),
      site: this.name(entry.siteNumber),
      stack: this.name(entry.stackNumber),
      instance: this.name(entry.instanceNumber),
    }));
  }

  /** What has come by the ring since it was asked last. */
  told(): Told {
    const told: Told = { waits: [], blames: [], orders: [] };
    const put = <T>(list: T[], decoded: T | undefined): void => void (decoded !== undefined && list.push(decoded));
    this.reader.drain(
      (record) => {
        const halves = record.other === undefined ? [record] : [record, record.other];
        if (record.kind === RecordKind.LOCK_WAIT) put(told.waits, decodeLockWait(halves));
        else if (record.kind === RecordKind.LOCK_BLAME) put(told.blames, decodeLockBlame(halves));
        else if (record.kind === RecordKind.LOCK_ORDER) put(told.orders, decodeLockOrder(halves));
      },
      () => Number.MAX_SAFE_INTEGER,
    );
    return told;
  }
}
