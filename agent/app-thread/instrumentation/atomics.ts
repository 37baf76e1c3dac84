/**
 * Keeps the wait word true for raw `Atomics.wait`. The thread is `parked` while it is blocked there, because an idle pool's wait and a lock's look
 * alike from here; it is `waiting_lock` at the call sites that the configuration names. `Atomics.waitAsync` and `Atomics.notify` do not block a
 * thread, so the wait word needs nothing from them.
 *
 * Runs on application threads. The wait itself is never split or shortened: a notify would be lost in the gap.
 */
import { createThreadMatcher } from '../../config/exclude.ts';
import { featureBits } from '../../config/feature-bits.ts';
import { internName } from '../../shared-memory/names.ts';
import { WaitState } from '../../shared-memory/wait-word.ts';
import { callSiteOf } from '../call-site.ts';
import type { Perturb } from '../perturb.ts';
import type { Recorder } from '../recorder.ts';

const ATOMICS = featureBits(['atomics']);

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
    wait(typedArray: Int32Array, index: number, value: number, timeout?: number): 'ok' | 'not-equal' | 'timed-out' {
      perturb?.('wait');
      if (recorder.isOff(ATOMICS)) return original(typedArray, index, value, timeout);
      const nowNs = clock.nowNs();
      beforeWait(nowNs);
      const site = sites.take(wait, nowNs);
      waitWord.begin(sites.isLock(site) ? WaitState.WAITING_LOCK : WaitState.PARKED, site, nowNs);
      try {
        return original(typedArray, index, value, timeout);
      } finally {
        waitWord.end(clock.nowNs());
      }
    },
  };
  const descriptor = Object.getOwnPropertyDescriptor(Atomics, 'wait') as PropertyDescriptor;
  Object.defineProperty(Atomics, 'wait', { ...descriptor, value: wait });
  return () => {
    if (Atomics.wait === wait) Object.defineProperty(Atomics, 'wait', descriptor);
  };
}

/** The call sites of this thread's waits, as interned names. */
class CallSites {
  readonly #recorder: Recorder;
  readonly #isLockSite: (site: string) => boolean;
  readonly #takesAll: boolean;
  readonly #folder = process.cwd();
  readonly #numbers = new Map<string, number>();
  readonly #locks = new Set<number>();
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
