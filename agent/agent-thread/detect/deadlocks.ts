/**
 * Deadlocks: looked for at each poll, told once when they are sure, counted while they last, and broken where that is asked for.
 *
 * Runs on the agent thread, also while every application thread is blocked. It must never tell of what is about to end by itself.
 *
 * Invariants
 * K1  A set is told when two looks have seen the same waits. A wait that both have seen has lasted all the time between them, so all of them have stood at
 *     once, and what a blocked thread holds it has held throughout: scenes may be torn, a set of blocking waits that was seen twice is not.
 * K2  Where an activity takes part that its thread does not keep from going on, the set has stood for half a second besides: an activity that begins
 *     something without awaiting it goes on, which nobody can see but by waiting.
 * K3  A set is told once, however often its waits are missed by a look in between.
 */
import type { AbortWait, LockScene, SceneWait } from '../model/lock-scene-types.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { cycleOf, reportDeadlock, subjectOf, type Voices } from './deadlock-report.ts';
import type { Findings } from './findings.ts';
import { lockAttributes, partyName, threadAttributes } from './lock-attributes.ts';
import { type ClosedSet, findClosedSets, isUncertain, waitKey } from './wait-for-graph.ts';

/** For an activity that does not await what it has begun (K2). With two looks it stays well below the second in which a deadlock is to be told. */
const ACTIVITY_NS = 500e6;
/** What is not certain is told later: most of what only looks like a deadlock is over by then. */
const SUSPECTED_NS = 5e9;
/** A waiter that was to be aborted and is still there after so long is given up, and the next one is aborted. */
const ABORT_NS = 1e9;
/** Looks in a row without a set after which it is over. */
const LOOKS_UNTIL_OVER = 2;
/** Sets that were told, remembered; and lock names whose count of threads falls to 0 in the end. The oldest are forgotten. */
const MAX_TOLD = 1000;
const MAX_NAMES = 100;

export interface DeadlocksSettings {
  readonly voices: Voices;
  readonly findings: Pick<Findings, 'report' | 'maySay'>;
  /** Delivers everything at once: a liveness probe may end the process soon. */
  readonly flush: () => void;
  /** `GRIDWATCH_DEADLOCK_ACTION=abort`. */
  readonly abort?: AbortWait | undefined;
}

/** A deadlock that lasts. */
interface Standing {
  readonly set: ClosedSet;
  isSaid: boolean;
  missedLooks: number;
  abortedNs: number;
  readonly aborted: Set<SceneWait>;
}

export class Deadlocks implements MetricSource {
  readonly #settings: DeadlocksSettings;
  readonly #standing = new Map<string, Standing>();
  readonly #told = new Set<string>();
  readonly #names = new Set<string>();
  #seen = new Set<string>();
  #stuck = new Set<string>();
  #count = 0;

  constructor(settings: DeadlocksSettings) {
    this.#settings = settings;
  }

  /** To be called at every poll. */
  look(scene: LockScene): void {
    const { sets, behind } = findClosedSets(scene, 'certain');
    const suspected = isUncertain(scene) ? suspectedBeside([...behind, ...sets.flatMap(waitsOf)], scene) : [];
    const seen = new Set([...sets, ...suspected].map(({ key }) => key));
    const before = this.#seen;
    this.#seen = seen;
    let isNew = false;
    for (const set of sets) {
      if (before.has(set.key) && isSure(set, scene.nowNs)) isNew = this.#confirm(set, scene.nowNs) || isNew;
    }
    for (const set of suspected) {
      if (before.has(set.key) && ageNs(set, scene.nowNs) >= SUSPECTED_NS) this.#suspect(set, scene.nowNs);
    }
    this.#followStanding(seen, scene.nowNs);
    const stuck =
      this.#standing.size === 0 ? [] : [...behind, ...[...this.#standing.values()].flatMap(({ set }) => waitsOf(set))];
    this.#stuck = new Set(stuck.map(waitKey));
    if (isNew) this.#settings.flush();
  }

  /** Part of a deadlock that was told, or waits for one. */
  isStuck(wait: SceneWait): boolean {
    return this.#stuck.has(waitKey(wait));
  }

  collect(sink: MetricSink): void {
    sink.sum('gridwatch.deadlocks', {}, this.#count);
    const counts = new Map<string, number>([...this.#names].map((name) => [name, 0]));
    for (const { set, missedLooks } of this.#standing.values()) {
      for (const { wait } of missedLooks > 0 ? [] : set.participants) {
        const { className } = wait.lock;
        counts.set(className, (counts.get(className) ?? 0) + 1);
      }
    }
    for (const [name, count] of counts)
      sink.sum('gridwatch.deadlock.thread.count', { 'gridwatch.lock.name': name }, count);
  }

  /** True the first time. */
  #confirm(set: ClosedSet, nowNs: number): boolean {
    const standing = this.#standing.get(set.key);
    if (standing !== undefined) {
      standing.missedLooks = 0;
      this.#abortAgain(standing, nowNs);
      return false;
    }
    const isKnown = this.#told.has(set.key);
    const found: Standing = { set, isSaid: false, missedLooks: 0, abortedNs: nowNs, aborted: new Set() };
    this.#standing.set(set.key, found);
    if (isKnown) return false;
    remember(this.#told, set.key, MAX_TOLD);
    for (const { wait } of set.participants) remember(this.#names, wait.lock.className, MAX_NAMES);
    this.#count++;
    const { voices, findings } = this.#settings;
    found.isSaid = findings.maySay(`deadlock ${subjectOf(set)}`, nowNs);
    reportDeadlock(voices, { set, aborted: this.#abortYoungest(found, nowNs), isSaid: found.isSaid }, nowNs);
    return true;
  }

  #followStanding(seen: ReadonlySet<string>, nowNs: number): void {
    for (const [key, standing] of this.#standing) {
      if (seen.has(key) || ++standing.missedLooks < LOOKS_UNTIL_OVER) continue;
      this.#standing.delete(key);
      if (!standing.isSaid) continue;
      const names = [...new Set(waitsOf(standing.set).map(({ party }) => partyName(party)))];
      this.#settings.voices.diag.info(
        `the deadlock of ${names.join(', ')} is over after ${secondsOf(standing, nowNs)} s`,
      );
    }
  }

  #abortAgain(standing: Standing, nowNs: number): void {
    if (nowNs - standing.abortedNs >= ABORT_NS) this.#abortYoungest(standing, nowNs);
  }

  /**
   * Aborts the wait that began last: it has closed the cycle, and of all it has lost the least. One that cannot be aborted, since its lock is none of
   * `gridwatch/sync`, is passed over.
   */
  #abortYoungest(standing: Standing, nowNs: number): SceneWait | undefined {
    const { abort } = this.#settings;
    if (abort === undefined) return undefined;
    const waits = waitsOf(standing.set).filter((wait) => wait.lock.lockId > 0 && !standing.aborted.has(wait));
    for (const wait of waits.toSorted((a, b) => b.sinceNs - a.sinceNs)) {
      standing.aborted.add(wait);
      standing.abortedNs = nowNs;
      if (abort(wait)) return wait;
    }
    return undefined;
  }

  #suspect(set: ClosedSet, nowNs: number): void {
    const key = `suspected ${set.key}`;
    if (this.#told.has(key)) return;
    remember(this.#told, key, MAX_TOLD);
    const [first] = set.participants;
    if (first === undefined) return;
    const cycle = cycleOf(set.participants);
    this.#settings.findings.report({
      finding: 'suspected_deadlock',
      body: `a deadlock is suspected, though it is not certain who holds what: ${cycle}`,
      attributes: {
        ...threadAttributes(first.wait.party.thread),
        ...lockAttributes(first.wait.lock, this.#settings.voices.areNamesFull),
        'gridwatch.deadlock.cycle': cycle,
        'gridwatch.deadlock.size': set.participants.length,
        'gridwatch.wait.duration': ageNs(set, nowNs) / 1e9,
      },
      place: first.wait,
      key: first.wait.lock.className,
      context: first.wait.context,
      timeNs: nowNs,
    });
  }
}

/** Every wait blocks its thread, or it has lasted (K2). */
function isSure(set: ClosedSet, nowNs: number): boolean {
  return set.participants.every(({ wait }) => wait.isBlocking) || ageNs(set, nowNs) >= ACTIVITY_NS;
}

/** Since it closed. */
function ageNs({ participants }: ClosedSet, nowNs: number): number {
  return nowNs - Math.max(...participants.map(({ wait }) => wait.sinceNs));
}

function waitsOf({ participants }: ClosedSet): SceneWait[] {
  return participants.map(({ wait }) => wait);
}

/** What is suspected besides what is certain. */
function suspectedBeside(stuck: readonly SceneWait[], scene: LockScene): ClosedSet[] {
  const certain = new Set(stuck);
  return findClosedSets(scene, 'suspected').sets.filter((set) => !waitsOf(set).some((wait) => certain.has(wait)));
}

function secondsOf({ set }: Standing, nowNs: number): string {
  return (ageNs(set, nowNs) / 1e9).toFixed(1);
}

function remember(known: Set<string>, key: string, limit: number): void {
  known.add(key);
  for (const oldest of known) {
    if (known.size <= limit) return;
    known.delete(oldest);
  }
}
