/**
 * Waits that last: one that goes on and on, one that others overtake, and one that nobody may ever end.
 *
 * Runs on the agent thread, at each poll, on a lock scene. It keeps what it saw of each wait until that is over. An idle pool waits at a condition, a channel
 * or a raw `Atomics.wait`, for hours, and nothing here may tell of it.
 */
import type { LockScene, SceneLock, SceneWait } from '../model/lock-scene-types.ts';
import type { Voices } from './deadlock-report.ts';
import type { Findings } from './findings.ts';
import {
  atPlace,
  codeAttributes,
  holderAttributes,
  lockAttributes,
  partyName,
  threadAttributes,
} from './lock-attributes.ts';
import { waitKey } from './wait-for-graph.ts';

/** A thread that stands still as long as the liveness probes of most deployments wait. */
const LONG_NS = 10e9;
/** A queue of asynchronous work may be long by design. One whose holder has not changed for a minute does not move. */
const LONG_ASYNC_NS = 60e9;

/** A wait that is shorter hurts nobody, whoever goes first. */
const STARVED_NS = 1e9;
/**
 * Turns a waiter must have been passed over, for each that waits or holds. In turn it would be one. If the next holder is drawn at random among `n`, the
 * chance to be passed over 20 n times is (1 - 1/n)^(20 n) < e^-20: two waits in a thousand million.
 */
const STARVED_TURNS = 20;
/** With few waiters the turns alone would be a burst. */
const STARVED_ACQUISITIONS = 200;

/** A consumer that gets work now and then has had some by then, in a program that is in use. */
const UNHEARD_NS = 10e9;

interface Followed {
  readonly seenNs: number;
  readonly acquisitions: number;
  maxWaiters: number;
  isLongTold: boolean;
  isStarvedTold: boolean;
  isUnheardTold: boolean;
}

export interface LongWaitsSettings {
  readonly voices: Voices;
  readonly findings: Pick<Findings, 'report' | 'say'>;
  /** Told of as a deadlock already. */
  readonly isStuck: (wait: SceneWait) => boolean;
}

export class LongWaits {
  readonly #settings: LongWaitsSettings;
  #followed = new Map<string, Followed>();

  constructor(settings: LongWaitsSettings) {
    this.#settings = settings;
  }

  look({ waits, nowNs }: LockScene): void {
    const followed = new Map<string, Followed>();
    const waiters = new Map<SceneLock, number>();
    for (const { lock } of waits) waiters.set(lock, (waiters.get(lock) ?? 0) + 1);
    for (const wait of waits) {
      const key = waitKey(wait);
      const one = this.#followed.get(key) ?? firstSeen(wait, nowNs);
      one.maxWaiters = Math.max(one.maxWaiters, waiters.get(wait.lock) ?? 1);
      followed.set(key, one);
      this.#judge(wait, one, nowNs);
    }
    this.#followed = followed;
  }

  #judge(wait: SceneWait, one: Followed, nowNs: number): void {
    if (wait.lock.kind === 'condition') {
      if (!one.isUnheardTold && isUnheard(wait, nowNs)) this.#tellUnheard(wait, one, nowNs);
      return;
    }
    if (!isForLock(wait.lock)) return;
    if (!one.isStarvedTold && isStarved(wait, one, nowNs)) this.#tellStarved(wait, one, nowNs);
    if (!one.isLongTold && isLong(wait, nowNs) && !this.#settings.isStuck(wait)) this.#tellLong(wait, one, nowNs);
  }

  #tellLong(wait: SceneWait, one: Followed, nowNs: number): void {
    one.isLongTold = true;
    const { lock, party, context } = wait;
    const { voices, findings } = this.#settings;
    const [holder] = lock.holds;
    const seconds = ((nowNs - wait.sinceNs) / 1e9).toFixed(0);
    const by = holder === undefined ? '' : `, held by ${partyName(holder.party)}`;
    const body = `${partyName(party)} has waited ${seconds} s for "${lock.className}"${by}`;
    voices.emitLog({
      eventName: 'gridwatch.wait.long',
      body,
      attributes: {
        ...this.#attributesOf(wait, nowNs),
        'gridwatch.contended': true,
        ...(holder === undefined ? {} : holderAttributes(holder)),
        ...codeAttributes(wait),
      },
      timeNs: nowNs,
      key: lock.className,
      ...(context === undefined ? {} : { parent: context }),
    });
    findings.say(`long ${lock.className}`, `${body}${atPlace(wait)}`, nowNs);
  }

  #tellStarved(wait: SceneWait, one: Followed, nowNs: number): void {
    one.isStarvedTold = true;
    const seconds = ((nowNs - wait.sinceNs) / 1e9).toFixed(1);
    const others = acquisitionsSince(wait.lock, one.acquisitions);
    const body = `${partyName(wait.party)} has waited ${seconds} s for "${wait.lock.className}" while others got it ${others} times`;
    this.#report('starvation', body, wait, nowNs);
  }

  #tellUnheard(wait: SceneWait, one: Followed, nowNs: number): void {
    one.isUnheardTold = true;
    const { className } = wait.lock;
    const body = `${partyName(wait.party)} waits at "${className}", which was notified before anybody waited; it did not look at the state in between`;
    this.#report('lost_wakeup', body, wait, nowNs);
  }

  #report(finding: 'starvation' | 'lost_wakeup', body: string, wait: SceneWait, nowNs: number): void {
    const { context, lock } = wait;
    const attributes = this.#attributesOf(wait, nowNs);
    this.#settings.findings.report({
      finding,
      body,
      attributes,
      place: wait,
      key: lock.className,
      context,
      timeNs: nowNs,
    });
  }

  #attributesOf(wait: SceneWait, nowNs: number): Parameters<Findings['report']>[0]['attributes'] {
    return {
      ...threadAttributes(wait.party.thread),
      ...lockAttributes(wait.lock, this.#settings.voices.areNamesFull),
      'gridwatch.lock.mode': wait.mode,
      'gridwatch.wait.duration': (nowNs - wait.sinceNs) / 1e9,
    };
  }
}

function firstSeen({ lock }: SceneWait, nowNs: number): Followed {
  const acquisitions = lock.counts?.acquisitions ?? 0;
  return { seenNs: nowNs, acquisitions, maxWaiters: 0, isLongTold: false, isStarvedTold: false, isUnheardTold: false };
}

/** A lock that somebody has, and gives back; a condition or a barrier is waited at for as long as there is nothing to do. */
function isForLock({ kind }: SceneLock): boolean {
  return kind === 'mutex' || kind === 'rwlock' || kind === 'semaphore' || kind === 'promise' || kind === 'web_lock';
}

function isLong({ lock, isBlocking, sinceNs }: SceneWait, nowNs: number): boolean {
  if (lock.holds.length === 0) return false;
  if (isBlocking) return nowNs - sinceNs >= LONG_NS;
  const isUnmoved = lock.holds.every((hold) => hold.sinceNs !== undefined && nowNs - hold.sinceNs >= LONG_ASYNC_NS);
  return isUnmoved && nowNs - sinceNs >= LONG_ASYNC_NS;
}

function isStarved({ lock }: SceneWait, { seenNs, acquisitions, maxWaiters }: Followed, nowNs: number): boolean {
  if (lock.counts === undefined || nowNs - seenNs < STARVED_NS) return false;
  const turns = STARVED_TURNS * (maxWaiters + Math.max(1, lock.capacity));
  return acquisitionsSince(lock, acquisitions) >= Math.max(turns, STARVED_ACQUISITIONS);
}

/** The counts wrap. */
function acquisitionsSince({ counts }: SceneLock, before: number): number {
  return ((counts?.acquisitions ?? 0) - before) >>> 0;
}

/**
 * Every notification of the condition so far came when nobody waited, and its mutex was taken no more often than the waits and the notifications need: so
 * nobody can have looked at the state between a notification and the wait. A consumer that is merely idle has taken the mutex once more, to take what it was
 * notified of.
 */
function isUnheard({ lock, sinceNs }: SceneWait, nowNs: number): boolean {
  const { counts } = lock;
  if (counts?.condition === undefined || nowNs - sinceNs < UNHEARD_NS) return false;
  const { waits, heard, mutexAcquisitions } = counts.condition;
  return counts.unheard > 0 && heard === 0 && mutexAcquisitions <= waits + counts.unheard;
}
