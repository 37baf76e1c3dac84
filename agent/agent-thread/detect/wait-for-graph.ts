/**
 * The wait-for graph: one over locks of every kind. Finds the sets of waits that can never end, because each needs another of the set to end first.
 *
 * Runs on the agent thread, ten times a second, on a lock scene. It keeps nothing between two looks and never follows a lock nobody waits for: where nobody
 * waits it costs nothing.
 *
 * What needs what to go on:
 *
 *     a thread              its blocking wait to end
 *     an activity           its thread to go on; its own waits to end; the activities begun in its callback to end, since it awaits them
 *     a wait for ...
 *       an exclusive lock   its holder to go on
 *       a semaphore         any of its holders to go on, and nothing while a permit is free
 *       a reader's          every writer to go on
 *       a writer's          every reader and writer to go on, itself included (an upgrade), but not for its own claim of the writer's word
 *       a Web Lock          besides, all who asked for it earlier: they are served in turn
 *       anything that no one holds, or that will time out: nothing
 *
 * `certain`: what is not certain of an activity counts for its thread only. Its lock can be released by nobody outside of that thread.
 */
import type { LockScene, SceneHold, SceneLock, SceneParty, SceneWait } from '../model/lock-scene-types.ts';
import { AndOrGraph } from './and-or-graph.ts';

/** One wait of a closed set. */
export interface Participant {
  readonly wait: SceneWait;
  /** What it holds, itself or through an activity it keeps from going on, that others of the set wait for. */
  readonly held: readonly SceneLock[];
  /** Who of the set has what it waits for. */
  readonly blockedBy: readonly SceneHold[];
}

export interface ClosedSet {
  /** The same for the same waits: parties, locks and numbers of waits. */
  readonly key: string;
  /** In the order in which each waits for the next, as far as the set is a single cycle. */
  readonly participants: readonly Participant[];
}

export interface ClosedSets {
  readonly sets: readonly ClosedSet[];
  /** Waits that can never end either, though they are no part of a set: they wait for one that is. */
  readonly behind: readonly SceneWait[];
}

export type Evidence = 'certain' | 'suspected';

/** Web Locks asked for this much earlier, by the clocks of two threads, were asked for earlier. */
const IN_TURN_NS = 1e6;

const NOTHING: ClosedSets = { sets: [], behind: [] };

export function findClosedSets(scene: LockScene, evidence: Evidence): ClosedSets {
  return scene.waits.length === 0 ? NOTHING : new WaitForGraph(scene, evidence).solve();
}

/** What names a wait for as long as it lasts. */
export function waitKey({ party, lock, number }: SceneWait): string {
  return `${party.key} ${lock.key} ${number}`;
}

export function isUncertain(scene: LockScene): boolean {
  return scene.waits.some(({ party, lock }) => {
    return !party.isCertain || lock.holds.some((hold) => !hold.party.isCertain);
  });
}

/** A wait's need of a party that has the lock. */
interface Claim {
  readonly wait: number;
  readonly party: number;
  readonly hold: SceneHold;
}

class WaitForGraph {
  readonly #isCertainOnly: boolean;
  readonly #graph = new AndOrGraph();
  readonly #waitNodes = new Map<number, SceneWait>();
  readonly #partyNodes = new Map<string, number>();
  readonly #nodeOfWait = new Map<SceneWait, number>();
  readonly #claims: Claim[] = [];
  /** What a party needs that is no lock's: its waits, its thread, its children. By node. */
  readonly #ownNeeds = new Map<number, number[]>();
  readonly #waits: readonly SceneWait[];
  readonly #blockedThreads = new Map<string, SceneWait>();
  readonly #waitsOfActivity = new Map<string, SceneWait[]>();
  readonly #waitsOfLock = new Map<string, SceneWait[]>();
  readonly #children = new Map<string, Set<SceneParty>>();

  constructor(scene: LockScene, evidence: Evidence) {
    this.#isCertainOnly = evidence === 'certain';
    /* The oldest first: who asked earlier is known before who waits behind it. */
    this.#waits = scene.waits.filter(({ isTimed }) => !isTimed).toSorted((a, b) => a.sinceNs - b.sinceNs);
    for (const wait of this.#waits) {
      const { party, lock } = wait;
      push(this.#waitsOfLock, lock.key, wait);
      if (wait.isBlocking) this.#blockedThreads.set(party.thread.key, wait);
      else if (party.activity !== 0 && this.#isTrusted(party)) push(this.#waitsOfActivity, party.key, wait);
      this.#link(party);
    }
    for (const party of scene.activities.values()) this.#link(party);
  }

  #link(party: SceneParty): void {
    if (party.activity === 0 || party.parentActivity === 0) return;
    const parent = `${party.thread.key}/${party.parentActivity}`;
    const children = this.#children.get(parent);
    if (children === undefined) this.#children.set(parent, new Set([party]));
    else children.add(party);
  }

  solve(): ClosedSets {
    for (const wait of this.#waits) this.#waitNode(wait);
    const isStuck = this.#graph.stuck();
    const sets: ClosedSet[] = [];
    const inSets = new Set<number>();
    for (const circle of this.#graph.circles(isStuck)) {
      const waits = circle.filter((node) => this.#waitNodes.has(node));
      if (waits.length === 0) continue;
      for (const node of waits) inSets.add(node);
      sets.push(this.#closedSet(waits, new Set(circle)));
    }
    const behind = [...this.#waitNodes].flatMap(([node, wait]) => (isStuck[node] && !inSets.has(node) ? [wait] : []));
    return { sets, behind };
  }

  #isTrusted(party: SceneParty): boolean {
    return party.isCertain || !this.#isCertainOnly;
  }

  #waitNode(wait: SceneWait): number {
    const known = this.#nodeOfWait.get(wait);
    if (known !== undefined) return known;
    const node = this.#graph.add(needsAnyHolder(wait.lock) ? 'any' : 'all');
    this.#nodeOfWait.set(wait, node);
    this.#waitNodes.set(node, wait);
    for (const hold of blockingHolds(wait)) {
      const party = this.#holderNode(hold, wait);
      if (party === undefined) continue;
      this.#graph.need(node, party);
      this.#claims.push({ wait: node, party, hold });
    }
    if (wait.lock.kind === 'web_lock') this.#needEarlierWaits(wait, node);
    return node;
  }

  /** The last one that excludes all before it, and who came after that; a place in the queue becomes free when its thread goes on with it. */
  #needEarlierWaits(wait: SceneWait, node: number): void {
    const queue = this.#waitsOfLock.get(wait.lock.key) ?? [];
    for (let at = queue.indexOf(wait) - 1; at >= 0; at--) {
      const other = queue[at] as SceneWait;
      if (other.sinceNs >= wait.sinceNs - IN_TURN_NS) continue;
      if (other.mode === 'shared' && wait.mode === 'shared') continue;
      this.#graph.need(node, this.#waitNode(other));
      this.#graph.need(node, this.#threadNode(other.party.thread.key));
      if (other.mode === 'exclusive') break;
    }
  }

  /** The node that must go on for a hold to end; undefined where the wait itself is the one that claims the lock. */
  #holderNode(hold: SceneHold, wait: SceneWait): number | undefined {
    const { party, mode } = hold;
    const mayClaim = mode === 'exclusive' && wait.lock.kind === 'rwlock' && hold.isPending !== false;
    if (mayClaim && wait.mode === 'exclusive' && party.key === wait.party.key) return undefined;
    if (!this.#isTrusted(party)) return this.#threadNode(party.thread.key);
    if (party.activity !== 0) return this.#activityNode(party);
    const writers = mayClaim ? this.#claimingWriters(wait, party) : [];
    if (writers.includes(wait)) return undefined;
    if (writers.length === 0) return this.#threadNode(party.key);
    /* One of the thread's activities has the word and waits for the readers to leave; which one cannot be seen. */
    const anyOf = this.#graph.add('any');
    for (const writer of writers) this.#graph.need(anyOf, this.#waitNode(writer));
    this.#ownNeeds.set(
      anyOf,
      writers.map((writer) => this.#waitNode(writer)),
    );
    return anyOf;
  }

  /** Waits of the thread that may have the writer's word already: its own, if it is blocked there, else those of its activities. */
  #claimingWriters({ lock }: SceneWait, { thread }: SceneParty): SceneWait[] {
    const waits = this.#waitsOfLock.get(lock.key) ?? [];
    const writers = waits.filter(({ party, mode }) => mode === 'exclusive' && party.thread.key === thread.key);
    const blocked = writers.find(({ isBlocking }) => isBlocking);
    return blocked === undefined ? writers : [blocked];
  }

  #threadNode(key: string): number {
    return this.#partyNode(key, (needs) => {
      const wait = this.#blockedThreads.get(key);
      if (wait !== undefined) needs.push(this.#waitNode(wait));
    });
  }

  #activityNode(party: SceneParty): number {
    return this.#partyNode(party.key, (needs) => {
      needs.push(this.#threadNode(party.thread.key));
      for (const wait of this.#waitsOfActivity.get(party.key) ?? []) needs.push(this.#waitNode(wait));
      for (const child of this.#children.get(party.key) ?? []) {
        if (this.#isTrusted(child) && child.key !== party.key) needs.push(this.#activityNode(child));
      }
    });
  }

  #partyNode(key: string, addNeeds: (needs: number[]) => void): number {
    const known = this.#partyNodes.get(key);
    if (known !== undefined) return known;
    const node = this.#graph.add('all');
    this.#partyNodes.set(key, node);
    const needs: number[] = [];
    this.#ownNeeds.set(node, needs);
    addNeeds(needs);
    for (const needed of needs) this.#graph.need(node, needed);
    return node;
  }

  #closedSet(waits: readonly number[], circle: ReadonlySet<number>): ClosedSet {
    const claims = this.#claims.filter(({ wait, party }) => circle.has(wait) && circle.has(party));
    const held = new Map<number, Set<SceneLock>>(waits.map((node) => [node, new Set()]));
    const next = new Map<number, Set<number>>(waits.map((node) => [node, new Set()]));
    for (const { wait, party } of claims) {
      const lock = (this.#waitNodes.get(wait) as SceneWait).lock;
      for (const blocking of this.#waitsBehind(party, circle)) {
        held.get(blocking)?.add(lock);
        next.get(wait)?.add(blocking);
      }
    }
    const participants = inOrder(waits, next).map((node): Participant => {
      const blockedBy = claims.filter(({ wait }) => wait === node).map(({ hold }) => hold);
      return { wait: this.#waitNodes.get(node) as SceneWait, held: [...(held.get(node) ?? [])], blockedBy };
    });
    const key = participants.map(({ wait }) => waitKey(wait)).toSorted();
    return { key: key.join('; '), participants };
  }

  /** The waits that keep a party from going on. */
  #waitsBehind(party: number, circle: ReadonlySet<number>): number[] {
    const waits: number[] = [];
    const seen = new Set([party]);
    for (const node of seen) {
      if (this.#waitNodes.has(node)) waits.push(node);
      else for (const needed of this.#ownNeeds.get(node) ?? []) if (circle.has(needed)) seen.add(needed);
    }
    return waits;
  }
}

/** The holds that must end, or one of which must, for the wait to end. */
function blockingHolds({ lock, mode }: SceneWait): readonly SceneHold[] {
  if (mode === 'shared' && hasReaders(lock)) return lock.holds.filter((hold) => hold.mode === 'exclusive');
  if (needsAnyHolder(lock) && lock.holds.length < lock.capacity) return [];
  return lock.holds;
}

/** Of a lock that may have several holders at once, each as good as any other. */
function needsAnyHolder({ kind }: SceneLock): boolean {
  return kind === 'semaphore' || kind === 'promise';
}

/** Those who share it do not wait for one another. */
export function hasReaders({ kind }: SceneLock): boolean {
  return kind === 'rwlock' || kind === 'web_lock';
}

/** From one on, each before one it waits for: a cycle comes out as it is told. */
function inOrder(nodes: readonly number[], next: ReadonlyMap<number, ReadonlySet<number>>): number[] {
  const ordered = new Set<number>();
  for (const root of nodes.toSorted((a, b) => a - b)) {
    for (let node: number | undefined = root; node !== undefined && !ordered.has(node); ) {
      ordered.add(node);
      node = [...(next.get(node) ?? [])].find((other) => !ordered.has(other));
    }
  }
  return [...ordered];
}

function push(map: Map<string, SceneWait[]>, key: string, wait: SceneWait): void {
  const waits = map.get(key);
  if (waits === undefined) map.set(key, [wait]);
  else waits.push(wait);
}
