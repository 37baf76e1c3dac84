/**
 * What is told of a wait: in the lock's own counts, always; and to the agent, where there is one.
 *
 * Runs on application threads, only after a lock was not to be had at once.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import { BLOCK } from '../../shared-memory/lock-block.ts';
import type { LockHolder, WaitOutcome } from '../../shared-memory/lock-records.ts';
import { readTraceIds, type TraceIds, writeTraceIds } from '../../shared-memory/registry.ts';
import type { Trace } from '../call-site.ts';
import type { LockObserver } from '../lock-observer.ts';
import type { LocalLock } from './local-lock.ts';
import { captureStack, type SyncStack } from './sync-stack.ts';

/** A wait from here on is worth a stack and a record of its own. */
export const LONG_WAIT_NS = 1e6;
/** Holders whose shorter waits are added up at once; beyond, what there is is told. */
const MAX_BLAMED = 64;

const word = (field: number): number => field >> 2;
/** Timeouts and aborts by mode. */
const COUNTS = {
  exclusive: { timeout: word(BLOCK.TIMEOUTS), other: word(BLOCK.ABORTS) },
  shared: { timeout: word(BLOCK.SHARED_TIMEOUTS), other: word(BLOCK.SHARED_ABORTS) },
} as const;

/** One wait, while it lasts. */
export class Wait {
  readonly lock: LocalLock;
  readonly mode: LockMode;
  readonly startNs: number;
  /** Whose release was awaited last; 0: not known. */
  holder = 0;
  stack: SyncStack | undefined;
  context: TraceIds | undefined;

  constructor(lock: LocalLock, mode: LockMode) {
    this.lock = lock;
    this.mode = mode;
    this.startNs = lock.thread.clock.nowNs();
  }

  /**
   * The wait has become a long one: takes stack and context, and asks the holder to say who it is when it releases. `trace`: the stack of when the wait began,
   * if that is not now.
   */
  describe(observer: LockObserver, trace?: Trace): SyncStack {
    Atomics.store(this.lock.words, word(BLOCK.ASK), 1);
    return this.#capture(observer, trace);
  }

  /** The lock was acquired: to be called by its new holder. */
  acquired(trace?: Trace): void {
    const { lock, mode, startNs, holder } = this;
    const waitedNs = lock.thread.clock.nowNs() - startNs;
    if (mode === 'exclusive') {
      lock.countContention();
      lock.waits.record(waitedNs);
    } else {
      Atomics.add(lock.words, word(BLOCK.SHARED_CONTENTIONS), 1);
      lock.sharedWaits.record(waitedNs);
    }
    const observer = lock.thread.recording;
    if (observer === undefined) return;
    if (waitedNs >= LONG_WAIT_NS) this.#record(observer, 'acquired', waitedNs, readAccount(lock, holder), trace);
    else if (holder !== 0) blame(observer, this, waitedNs);
  }

  /** The same, of a wait that has blocked no thread: counted as that first, because a contention that nobody has called asynchronous is priced as one that blocked. */
  acquiredAsync(trace: Trace | undefined): void {
    Atomics.add(this.lock.words, word(BLOCK.ASYNC_CONTENTIONS), 1);
    this.acquired(trace);
  }

  /** The wait ended without the lock. */
  failed(outcome: Exclude<WaitOutcome, 'acquired'>, trace?: Trace): void {
    const { lock, mode, startNs, holder } = this;
    const counts = COUNTS[mode];
    Atomics.add(lock.words, outcome === 'timeout' ? counts.timeout : counts.other, 1);
    const waitedNs = lock.thread.clock.nowNs() - startNs;
    const observer = lock.thread.recording;
    if (observer === undefined || waitedNs < LONG_WAIT_NS) return;
    this.#record(observer, outcome, waitedNs, { ...UNKNOWN, holderWord: holder }, trace);
  }

  #capture(observer: LockObserver, trace: Trace | undefined): SyncStack {
    this.context ??= observer.activeTraceIds();
    return (this.stack ??= captureStack(observer, trace));
  }

  #record(
    observer: LockObserver,
    outcome: WaitOutcome,
    durationNs: number,
    holder: LockHolder,
    trace: Trace | undefined,
  ): void {
    const { siteNumber, stackNumber } = this.#capture(observer, trace);
    observer.recordWait({
      lockId: this.lock.id,
      classNumber: 0,
      kind: this.lock.kind,
      mode: this.mode,
      outcome,
      startNs: this.startNs,
      durationNs,
      siteNumber,
      stackNumber,
      context: this.context,
      holder,
      instanceNumber: 0,
    });
  }
}

const UNKNOWN: LockHolder = { holderWord: 0, slot: 0, siteNumber: 0, stackNumber: 0, context: undefined };

/** Adds up short waits by whom they were for. */
function blame(observer: LockObserver, { lock, mode, holder }: Wait, waitedNs: number): void {
  const { blameNs } = lock;
  const sumNs = (blameNs.get(holder) ?? 0) + Math.max(0, waitedNs);
  blameNs.set(holder, sumNs);
  if (sumNs < LONG_WAIT_NS && blameNs.size <= MAX_BLAMED) return;
  const isOne = sumNs >= LONG_WAIT_NS;
  const atNs = observer.nowNs();
  for (const [holderWord, ns] of isOne ? [[holder, sumNs] as const] : [...blameNs]) {
    observer.recordBlame({ lockId: lock.id, classNumber: 0, kind: lock.kind, mode, holderWord, waitedNs: ns, atNs });
    blameNs.delete(holderWord);
  }
}

/** The holder says who it is, because somebody has asked: to be called before it releases. */
export function answerAsk(lock: LocalLock): void {
  const { words, thread } = lock;
  /* Of several holders that release at once one answers. */
  if (Atomics.load(words, word(BLOCK.ASK)) === 0 || Atomics.exchange(words, word(BLOCK.ASK), 0) === 0) return;
  const observer = thread.recording;
  if (observer === undefined) return;
  const { siteNumber, stackNumber } = captureStack(observer);
  /* The holder last, and none meanwhile: who reads before and after sees one account. */
  Atomics.store(words, word(BLOCK.ACCOUNT_HOLDER), 0);
  Atomics.store(words, word(BLOCK.ACCOUNT_SITE), siteNumber);
  Atomics.store(words, word(BLOCK.ACCOUNT_STACK), stackNumber);
  words[word(BLOCK.ACCOUNT_CONTEXT) + 6] = 0;
  writeTraceIds(lock, BLOCK.ACCOUNT_CONTEXT, observer.activeTraceIds());
  Atomics.store(words, word(BLOCK.ACCOUNT_HOLDER), thread.word);
}

/** What `holder` said of itself when it released; only its word where it was not asked. */
function readAccount(lock: LocalLock, holder: number): LockHolder {
  const { words } = lock;
  const unknown = { ...UNKNOWN, holderWord: holder };
  if (holder === 0 || Atomics.load(words, word(BLOCK.ACCOUNT_HOLDER)) !== holder) return unknown;
  const account = {
    holderWord: holder,
    slot: 0,
    siteNumber: Atomics.load(words, word(BLOCK.ACCOUNT_SITE)),
    stackNumber: Atomics.load(words, word(BLOCK.ACCOUNT_STACK)),
    context: readTraceIds(lock, BLOCK.ACCOUNT_CONTEXT),
  };
  return Atomics.load(words, word(BLOCK.ACCOUNT_HOLDER)) === holder ? account : unknown;
}
