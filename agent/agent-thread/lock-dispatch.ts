/**
 * What becomes of the records of locks: blame for the holder, and a span for a long wait. New lock orders and races go to whoever looks for those.
 *
 * Runs on the agent thread.
 */
import {
  decodeLockBlame,
  decodeLockOrder,
  decodeLockWait,
  decodeRace,
  type LockOrderRecord,
  type LockWaitRecord,
  type RaceRecord,
  type RecordHalf,
} from '../shared-memory/lock-records.ts';
import { RecordKind } from '../shared-memory/records.ts';
import type { SlotClaim } from '../shared-memory/registry.ts';
import type { RingRecord } from '../shared-memory/ring-reader.ts';
import { asV8Writes, codeAttributes, lockAttributes, threadAttributes } from './detect/lock-attributes.ts';
import type { SceneThread } from './model/lock-scene-types.ts';
import { type Locks, withoutColumn } from './model/locks.ts';
import type { SignalAttributes } from './telemetry/catalog.ts';
import type { SpanRecord } from './telemetry/spans.ts';

/** What a thread said of locks besides its waits. */
export interface LockListeners {
  readonly onLockWait?: (thread: SceneThread, wait: LockWaitRecord) => void;
  readonly onLockOrder?: (thread: SceneThread, order: LockOrderRecord) => void;
  readonly onRace?: (thread: SceneThread, race: RaceRecord) => void;
  /** Garbage was collected on a thread, which may have held a lock meanwhile. */
  readonly onGcPause?: (threadKey: string, startNs: number, durationNs: number) => void;
}

export interface LockDispatchSettings {
  readonly locks: Locks;
  readonly emit: (span: SpanRecord) => void;
  /** Called for a record that cannot be believed. */
  readonly onCorrupt: () => void;
  /** A wait this long becomes a span, as of now. */
  readonly thresholdNs: () => number;
  /** Names of instances may leave the process. */
  readonly areNamesFull: boolean;
  /** Stacks leave the process with every span, not only with incidents. */
  readonly hasAllStacks: boolean;
  readonly listeners: LockListeners;
}

export class LockDispatch {
  readonly #settings: LockDispatchSettings;

  constructor(settings: LockDispatchSettings) {
    this.#settings = settings;
  }

  /** A record of one of the kinds that are of locks, by the thread that has the slot. */
  record(slot: number, record: RingRecord): void {
    const { locks, listeners, onCorrupt } = this.#settings;
    const halves: readonly RecordHalf[] = record.other === undefined ? [record] : [record, record.other];
    const thread = locks.threads.findEver(0, slot + 1);
    switch (record.kind) {
      case RecordKind.LOCK_WAIT:
        return hand(decodeLockWait(halves), onCorrupt, (wait) => this.#waited(thread, wait));
      case RecordKind.LOCK_BLAME:
        return hand(decodeLockBlame(halves), onCorrupt, (blame) =>
          locks.blame(blame, { holderWord: blame.holderWord, slot: 0, siteNumber: 0 }, blame.waitedNs),
        );
      case RecordKind.LOCK_ORDER:
        return hand(decodeLockOrder(halves), onCorrupt, (order) => {
          if (thread !== undefined) listeners.onLockOrder?.(thread, order);
        });
      default:
        return hand(decodeRace(halves), onCorrupt, (race) => {
          if (thread !== undefined) listeners.onRace?.(thread, race);
        });
    }
  }

  /** Garbage was collected on the thread that has the slot. */
  paused({ slot, generation }: SlotClaim, startNs: number, durationNs: number): void {
    this.#settings.listeners.onGcPause?.(`t${slot}.${generation}`, startNs, durationNs);
  }

  #waited(thread: SceneThread | undefined, wait: LockWaitRecord): void {
    const { locks, emit, listeners, thresholdNs } = this.#settings;
    /* A channel is a queue. */
    if (wait.kind === 'none' || wait.kind === 'channel') return;
    locks.blame(wait, wait.holder, wait.durationNs);
    if (thread === undefined) return;
    listeners.onLockWait?.(thread, wait);
    if (wait.durationNs >= thresholdNs()) emit(this.#span(thread, wait));
  }

  #span(thread: SceneThread, wait: LockWaitRecord): SpanRecord {
    const { locks, areNamesFull, hasAllStacks } = this.#settings;
    const lock = locks.lockOf(wait, thread.key, wait.instanceNumber);
    const place = { site: locks.text(wait.siteNumber), stack: locks.stack(wait.stackNumber) };
    const { 'code.stacktrace': stacktrace, ...code } = codeAttributes(place);
    return {
      name: `lock.wait ${lock.className}`,
      startNs: wait.startNs,
      endNs: wait.startNs + wait.durationNs,
      attributes: {
        ...threadAttributes(thread),
        ...lockAttributes(lock, areNamesFull),
        'gridwatch.lock.mode': wait.mode,
        'gridwatch.wait.outcome': wait.outcome,
        'gridwatch.contended': true,
        ...this.#holder(wait),
        ...code,
        ...(hasAllStacks && stacktrace !== undefined ? { 'code.stacktrace': stacktrace } : {}),
      },
      ...(wait.context === undefined ? {} : { parent: wait.context }),
      ...linkToHolder(wait),
      /* Part of what the deadlock left behind. */
      ...(wait.outcome === 'deadlock' ? { isIncident: true, error: 'the wait was part of a deadlock' } : {}),
    };
  }

  #holder({ holder }: LockWaitRecord): SignalAttributes {
    const { locks, hasAllStacks } = this.#settings;
    const thread = locks.threads.findEver(holder.holderWord, holder.slot);
    const site = withoutColumn(locks.text(holder.siteNumber));
    const stack = hasAllStacks ? locks.stack(holder.stackNumber) : '';
    return {
      ...(thread === undefined ? {} : { 'gridwatch.lock.holder.thread.name': thread.name }),
      ...(thread === undefined || thread.threadId < 0 ? {} : { 'gridwatch.lock.holder.thread.id': thread.threadId }),
      ...(site === '' ? {} : { 'gridwatch.lock.holder.site': site }),
      ...(stack === '' ? {} : { 'gridwatch.lock.holder.stacktrace': asV8Writes(stack) }),
    };
  }
}

/** A wait for work of the same span is inside of it already: Jaeger takes a link to the parent for the only reference, and the span has no parent any more. */
function linkToHolder({ context, holder }: LockWaitRecord): Pick<SpanRecord, 'links'> {
  if (holder.context === undefined || holder.context.spanId === context?.spanId) return {};
  return { links: [holder.context] };
}

function hand<T>(decoded: T | undefined, onCorrupt: () => void, take: (record: T) => void): void {
  if (decoded === undefined) onCorrupt();
  else take(decoded);
}
