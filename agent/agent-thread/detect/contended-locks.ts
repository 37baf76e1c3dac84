/**
 * Locks that are contended at every look: a convoy, in which handing the lock over costs more than what it guards; and a thread that keeps a lock while its
 * event loop turns and others wait.
 *
 * Runs on the agent thread, at each poll, on a lock scene. It keeps what it saw of a lock as long as somebody waits for it.
 */
import type { LockScene, SceneHold, SceneLock, SceneLockCounts, SceneWait } from '../model/lock-scene-types.ts';
import type { Voices } from './deadlock-report.ts';
import type { Findings } from './findings.ts';
import { holderAttributes, lockAttributes, partyName, threadAttributes } from './lock-attributes.ts';

/** Fewer are a queue that the next release may empty. */
const CONVOY_WAITERS = 4;
/** A burst of work is over sooner. What was counted in five seconds that were none says nothing of the next five. */
const CONVOY_NS = 5e9;
/** Acquisitions a second. With fewer it is not the lock that is slow, but the machine: who is woken does not run. */
const CONVOY_RATE = 100;
/** In a convoy each release hands the lock to a waiter. With fewer the lock is fast, and those who wait are just unlucky at the look. */
const CONVOY_CONTENDED = 0.9;
/** Of the time in which the lock is held, with waiters all the while: below, most of the time goes by between release and acquisition. */
const CONVOY_HELD = 0.5;
/** Of a holder's event loop while it had the lock: one may have been under way when it took it. */
const TURNS = 2;

interface Followed {
  readonly sinceNs: number;
  readonly counts: SceneLockCounts;
  isConvoyTold: boolean;
}

interface Kept {
  readonly holder: string;
  readonly acquisitions: number;
  readonly turns: number;
  readonly sinceNs: number;
  isTold: boolean;
}

export interface ContendedLocksSettings {
  readonly voices: Voices;
  readonly findings: Pick<Findings, 'report'>;
}

export class ContendedLocks {
  readonly #settings: ContendedLocksSettings;
  #crowded = new Map<string, Followed>();
  #kept = new Map<string, Kept>();

  constructor(settings: ContendedLocksSettings) {
    this.#settings = settings;
  }

  look({ waits, nowNs }: LockScene): void {
    const byLock = new Map<SceneLock, SceneWait[]>();
    const blocked = new Set(waits.flatMap(({ isBlocking, party }) => (isBlocking ? [party.thread.key] : [])));
    for (const wait of waits) {
      const others = byLock.get(wait.lock);
      if (others === undefined) byLock.set(wait.lock, [wait]);
      else others.push(wait);
    }
    const crowded = new Map<string, Followed>();
    const kept = new Map<string, Kept>();
    for (const [lock, waiters] of byLock) {
      const { counts } = lock;
      if (counts === undefined) continue;
      if (lock.kind === 'mutex' && waiters.length >= CONVOY_WAITERS) {
        crowded.set(lock.key, this.#followCrowd(lock, counts, waiters, nowNs));
      }
      const holder = keeperOf(lock, blocked);
      if (holder !== undefined) kept.set(lock.key, this.#follow(lock, holder, counts.acquisitions, waiters, nowNs));
    }
    this.#crowded = crowded;
    this.#kept = kept;
  }

  #followCrowd(lock: SceneLock, counts: SceneLockCounts, waiters: readonly SceneWait[], nowNs: number): Followed {
    const anew = { sinceNs: nowNs, counts, isConvoyTold: false };
    const one = this.#crowded.get(lock.key);
    if (one === undefined || one.isConvoyTold || nowNs - one.sinceNs < CONVOY_NS) return one ?? anew;
    if (!isConvoy(counts, one, nowNs)) return anew;
    this.#tellConvoy(lock, waiters, one, nowNs);
    return one;
  }

  #follow(lock: SceneLock, hold: SceneHold, acquisitions: number, waiters: readonly SceneWait[], nowNs: number): Kept {
    const { key, turns = 0 } = hold.party.thread;
    const known = this.#kept.get(lock.key);
    /* The holder counts each acquisition: the same holder and count are the same hold. */
    const isSame = known?.holder === key && known.acquisitions === acquisitions;
    const one = isSame ? known : { holder: key, acquisitions, turns, sinceNs: nowNs, isTold: false };
    if (!one.isTold && turns - one.turns >= TURNS) this.#tellKept(lock, hold, waiters, one, nowNs);
    return one;
  }

  #tellConvoy(lock: SceneLock, waiters: readonly SceneWait[], one: Followed, nowNs: number): void {
    one.isConvoyTold = true;
    const [first] = waiters;
    if (first === undefined || lock.counts === undefined) return;
    const { acquisitions, holdNs, holds } = since(lock.counts, one.counts);
    const eachUs = (holdNs / holds / 1e3).toFixed(1);
    const { context } = first;
    this.#settings.findings.report({
      finding: 'convoy',
      body: `${waiters.length} threads queue for "${lock.className}", which is held for ${eachUs} us at a time, ${Math.round(acquisitions / ((nowNs - one.sinceNs) / 1e9))} times a second: handing it over takes longer than holding it`,
      attributes: {
        ...threadAttributes(first.party.thread),
        ...lockAttributes(lock, this.#settings.voices.areNamesFull),
        'gridwatch.lock.mode': first.mode,
      },
      place: first,
      key: lock.className,
      context,
      timeNs: nowNs,
    });
  }

  #tellKept(lock: SceneLock, hold: SceneHold, waiters: readonly SceneWait[], one: Kept, nowNs: number): void {
    one.isTold = true;
    const [first] = waiters;
    if (first === undefined) return;
    const { context } = first;
    this.#settings.findings.report({
      finding: 'held_across_turn',
      body: `${partyName(hold.party)} keeps "${lock.className}" while its event loop turns, and ${partyName(first.party)} waits for it`,
      attributes: {
        ...threadAttributes(first.party.thread),
        ...lockAttributes(lock, this.#settings.voices.areNamesFull),
        'gridwatch.lock.mode': first.mode,
        'gridwatch.wait.duration': (nowNs - first.sinceNs) / 1e9,
        ...holderAttributes(hold),
      },
      place: first,
      key: lock.className,
      context,
      timeNs: nowNs,
    });
  }
}

interface Difference {
  readonly acquisitions: number;
  readonly contentions: number;
  readonly holds: number;
  readonly holdNs: number;
}

function since(now: SceneLockCounts, before: SceneLockCounts): Difference {
  return {
    acquisitions: (now.acquisitions - before.acquisitions) >>> 0,
    contentions: (now.contentions - before.contentions) >>> 0,
    holds: now.holds - before.holds,
    holdNs: now.holdNs - before.holdNs,
  };
}

function isConvoy(counts: SceneLockCounts, one: Followed, nowNs: number): boolean {
  const lastedNs = nowNs - one.sinceNs;
  const { acquisitions, contentions, holds, holdNs } = since(counts, one.counts);
  if (acquisitions < (lastedNs / 1e9) * CONVOY_RATE || holds <= 0) return false;
  if (contentions < acquisitions * CONVOY_CONTENDED) return false;
  return (holdNs / holds) * acquisitions < lastedNs * CONVOY_HELD;
}

/** The thread that has the lock by a blocking acquisition and is not blocked itself; of an asynchronous one the loop turns by design. */
function keeperOf(lock: SceneLock, blocked: ReadonlySet<string>): SceneHold | undefined {
  const [hold, ...others] = lock.holds;
  if (lock.kind !== 'mutex' || hold === undefined || others.length > 0) return undefined;
  const { thread, activity } = hold.party;
  if (activity !== 0 || hold.sinceNs !== undefined || thread.turns === undefined) return undefined;
  return blocked.has(thread.key) ? undefined : hold;
}
