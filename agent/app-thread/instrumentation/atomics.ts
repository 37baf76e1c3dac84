/**
 * Keeps the wait word true for raw `Atomics.wait`, and counts the waits of each call site in a class cell. The thread is `parked` while it is blocked there, because an idle pool's wait and a lock's look
 * alike from here; it is `waiting_lock` at the call sites that the configuration names. `Atomics.waitAsync` and `Atomics.notify` do not block a
 * thread, so the wait word needs nothing from them. Nobody knows who holds what a raw wait is for: at a site that is named one past the threshold is a
 * record, without a holder; at any other there are numbers only.
 *
 * Runs on application threads. The wait itself is never split or shortened: a notify would be lost in the gap.
 */
import { createThreadMatcher } from '../../config/exclude.ts';
import { featureBits } from '../../config/feature-bits.ts';
import { CELL, type ClassCell, claimClassCell } from '../../shared-memory/class-cells.ts';
import { encodeLockWait, type LockHolder } from '../../shared-memory/lock-records.ts';
import { internName } from '../../shared-memory/names.ts';
import { WaitState } from '../../shared-memory/wait-word.ts';
import { callSiteOf } from '../call-site.ts';
import type { Perturb } from '../perturb.ts';
import type { Recorder } from '../recorder.ts';
import { activeTraceIds } from '../trace-context.ts';

const ATOMICS = featureBits(['atomics']);
const LOCKS = featureBits(['locks']);

type Outcome = ReturnType<typeof Atomics.wait>;

/** Sites a thread counts on their own; the others together, with those whose site was not taken. */
const MAX_SITES = 256;
/** Where those are counted. */
const OTHER = '_OTHER';
/** A wait this long at a site that is a lock's is a record. */
const RECORDED_NS = 1e6;

/** A thread that parks more often than this has its call site taken of the first ones of each second only. */
const MAX_SITES_PER_SECOND = 100;

/** Replaces `Atomics.wait`; gives back what restores it. `beforeWait` must not throw. Throws where the intrinsics are frozen. */
export function patchAtomicsWait(
  recorder: Recorder,
  lockSites: readonly string[],
  beforeWait: (nowNs: number) => void,
  perturb?: Perturb,
): () => void {
  const original = Atomics.wait;
  const { clock, waitWord } = recorder;
  const sites = new CallSites(recorder, lockSites);
  /* A method, so that it has the name and length of the original and, like it, cannot be constructed. */
  const { wait } = {
    wait(typedArray: Int32Array, index: number, value: number, timeout?: number): Outcome {
      perturb?.('wait');
      if (recorder.isOff(ATOMICS)) return original(typedArray, index, value, timeout);
      const nowNs = clock.nowNs();
      beforeWait(nowNs);
      const site = sites.take(wait, nowNs);
      waitWord.begin(sites.isLock(site) ? WaitState.WAITING_LOCK : WaitState.PARKED, site, nowNs);
      let outcome: Outcome = 'not-equal';
      try {
        outcome = original(typedArray, index, value, timeout);
        return outcome;
      } finally {
        const endNs = clock.nowNs();
        waitWord.end(endNs);
        if (outcome !== 'not-equal') sites.waited(site, outcome, nowNs, endNs);
      }
    },
  };
  const descriptor = Object.getOwnPropertyDescriptor(Atomics, 'wait') as PropertyDescriptor;
  Object.defineProperty(Atomics, 'wait', { ...descriptor, value: wait });
  return () => {
    if (Atomics.wait === wait) Object.defineProperty(Atomics, 'wait', descriptor);
  };
}

/** Who holds what a raw wait is for. */
const NOBODY: LockHolder = { holderWord: 0, slot: 0, siteNumber: 0, stackNumber: 0, context: undefined };

/** The call sites of this thread's waits, as interned names. */
class CallSites {
  readonly #recorder: Recorder;
  readonly #isLockSite: (site: string) => boolean;
  readonly #takesAll: boolean;
  readonly #folder = process.cwd();
  readonly #numbers = new Map<string, number>();
  readonly #locks = new Set<number>();
  readonly #cells = new Map<number, ClassCell | undefined>();
  #secondNs = 0;
  #taken = 0;

  constructor(recorder: Recorder, lockSites: readonly string[]) {
    this.#recorder = recorder;
    const matches = createThreadMatcher(lockSites);
    this.#isLockSite = (site) => matches(site, site);
    this.#takesAll = lockSites.length > 0;
  }

  isLock(number: number): boolean {
    return this.#locks.has(number);
  }

  /** A wait that blocked is over. */
  waited(site: number, outcome: Outcome, startNs: number, endNs: number): void {
    const recorder = this.#recorder;
    if (recorder.isOff(LOCKS)) return;
    const durationNs = endNs - startNs;
    const cell = this.#cellOf(site);
    if (outcome === 'timed-out') {
      cell?.add(CELL.TIMEOUTS);
    } else {
      cell?.add(CELL.ACQUISITIONS);
      cell?.add(CELL.CONTENTIONS);
      cell?.waits.record(durationNs);
    }
    if (durationNs < RECORDED_NS || !this.#locks.has(site)) return;
    recorder.record(
      encodeLockWait({
        lockId: 0,
        classNumber: site,
        kind: 'atomics',
        mode: 'exclusive',
        outcome: outcome === 'timed-out' ? 'timeout' : 'acquired',
        startNs,
        durationNs,
        siteNumber: site,
        stackNumber: 0,
        context: activeTraceIds(),
        holder: NOBODY,
        instanceNumber: 0,
      }),
    );
  }

  #cellOf(site: number): ClassCell | undefined {
    const isOther = site === 0 || (!this.#cells.has(site) && this.#cells.size >= MAX_SITES);
    const key = isOther ? 0 : site;
    if (!this.#cells.has(key)) {
      const { memory, claim } = this.#recorder;
      const number = isOther ? internName(memory, OTHER) : site;
      this.#cells.set(key, claimClassCell(memory, claim, number, 'atomics', 'exclusive'));
    }
    return this.#cells.get(key);
  }

  /** The call site's name, or 0 past the rate. Where sites are configured each wait must be told apart, so there is no rate. */
  take(callee: (...args: never[]) => unknown, nowNs: number): number {
    if (!this.#takesAll) {
      if (nowNs - this.#secondNs > 1e9) {
        this.#secondNs = nowNs;
        this.#taken = 0;
      }
      if (this.#taken++ >= MAX_SITES_PER_SECOND) return 0;
    }
    const site = callSiteOf(callee, this.#folder);
    if (site === '') return 0;
    let number = this.#numbers.get(site);
    if (number === undefined) {
      number = internName(this.#recorder.memory, site);
      this.#numbers.set(site, number);
      if (number !== 0 && this.#isLockSite(site)) this.#locks.add(number);
    }
    return number;
  }
}
