/**
 * What locks record with, without an agent, and what they and a tracker of asynchronous ones have written, read as the agent thread reads it. Runs in a
 * test's own process.
 */
import { LockTracker } from '../../agent/app-thread/async-locks/tracker.ts';
import { type LockRecording, setLockLink } from '../../agent/app-thread/lock-link.ts';
import { type LockNotice, LockObserver } from '../../agent/app-thread/lock-observer.ts';
import { Recorder } from '../../agent/app-thread/recorder.ts';
import { featureBits } from '../../agent/config/feature-bits.ts';
import type { Feature, GridwatchOptions } from '../../agent/config/options.ts';
import { resolveConfig } from '../../agent/config/resolve.ts';
import { type AsyncLock, readAsyncLocks } from '../../agent/shared-memory/async-locks.ts';
import { CELL, scanClassCells } from '../../agent/shared-memory/class-cells.ts';
import { HistogramReader, HistogramTotal } from '../../agent/shared-memory/histogram.ts';
import { ControlMemory, HEADER } from '../../agent/shared-memory/layout.ts';
import {
  decodeLockBlame,
  decodeLockOrder,
  decodeLockWait,
  type LockBlameRecord,
  type LockOrderRecord,
  type LockWaitRecord,
} from '../../agent/shared-memory/lock-records.ts';
import { lookUpName } from '../../agent/shared-memory/names.ts';
import { RecordKind } from '../../agent/shared-memory/records.ts';
import { claimSlot } from '../../agent/shared-memory/registry.ts';
import { RingReader } from '../../agent/shared-memory/ring-reader.ts';

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

export class LockTracking {
  readonly memory: ControlMemory;
  readonly recorder: Recorder;
  /** What the agent thread is sent. */
  readonly notices: LockNotice[] = [];
  readonly #recording: LockRecording;
  readonly observer: LockObserver;
  readonly tracker: LockTracker;
  readonly #reader: RingReader;

  /** `baseS`: of the clock of the locks that are to record here. */
  constructor(options: GridwatchOptions = {}, baseS: number = process.hrtime()[0]) {
    this.memory = ControlMemory.create(baseS);
    const claim = claimSlot(this.memory, {
      parentThreadId: -1,
      name: 'main',
      file: '',
      nowNs: 1,
      spawnContext: undefined,
      spawnSite: '',
    });
    if (claim === undefined) throw new Error('a new memory has no free slot');
    this.recorder = new Recorder(this.memory, claim);
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
    this.#reader = new RingReader(this.memory, claim.slot);
  }

  /** Links this thread to what records here, as the preload does; undone by `setLockLink` without a recording. */
  link(lockBuffer: SharedArrayBuffer = new SharedArrayBuffer(8)): void {
    setLockLink(lockBuffer, this.#recording);
  }

  get slot(): number {
    return this.recorder.claim.slot;
  }

  switchOff(...features: Feature[]): void {
    Atomics.store(this.memory.i32, HEADER.FEATURES_OFF >> 2, featureBits(features));
  }

  name(number: number): string {
    return lookUpName(this.memory, number);
  }

  /** What was counted of each class. */
  get classes(): Record<string, ClassCounts> {
    const found: Record<string, ClassCounts> = {};
    const count = (at: number): number => {
      const total = new HistogramTotal('waits');
      new HistogramReader(this.memory.buffer, at).addNewTo(total);
      return total.counts.reduce((sum, cell) => sum + cell, 0);
    };
    scanClassCells(this.memory, (at, _, classNumber) => {
      const word = (field: number): number => this.memory.i32[(at + field) >> 2] as number;
      found[this.name(classNumber)] = {
        acquisitions: word(CELL.ACQUISITIONS),
        contentions: word(CELL.CONTENTIONS),
        timeouts: word(CELL.TIMEOUTS),
        aborts: word(CELL.ABORTS),
        waiters: word(CELL.WAITERS),
        waits: count(at + CELL.WAITS),
        holds: count(at + CELL.HOLDS),
      };
    });
    return found;
  }

  /** The one class there is. */
  get only(): ClassCounts {
    const [counts, ...more] = Object.values(this.classes);
    if (counts === undefined || more.length > 0) throw new Error(`classes: ${Object.keys(this.classes).join()}`);
    return counts;
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
    this.#reader.drain(
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
