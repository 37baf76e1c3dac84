/**
 * The lock-order graph: which classes of locks were ever taken while which others were held, on any thread, at any time. Finds the circles that may become a
 * deadlock one day, though none has been.
 *
 * Runs on the agent thread, on what threads tell of each order they have not told before. It never forgets an order because it is old, only because there are
 * too many, and it knows nothing of what is told.
 *
 * A node is a class; where a lock is taken while another of its own class is held, the two are nodes of their own: a list whose elements are locked hand over
 * hand is in order as long as no two of them are taken in both orders. An order is one way to go from a node to another: with which other locks held (gates),
 * in which modes.
 *
 * A circle is possible only if each of its orders can stand while the others do:
 *
 *     no two of them have a gate in common: it would let in one after the other
 *     at each lock one of the two wants it or has it for itself alone: readers do not wait for readers
 *     a thread that blocks at one of the locks does so at no other, and none of its own activities has that one: who would wait for himself is refused
 *     all orders with a lock that is an object of its thread's (a promise lock) are of that thread
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import type { LockOrderRecord } from '../../shared-memory/lock-records.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { LockLabel, LockNaming, SceneThread } from '../model/lock-scene-types.ts';

/** Longer circles are not looked for: nobody has seen one, and the search would cost more. */
const MAX_CIRCLE = 6;
/** Steps of one search. */
const MAX_STEPS = 20_000;
/** Pairs of nodes, the oldest go first; and ways to go from one to the other, beyond which they are too many to be gated by anything. */
const MAX_PAIRS = 10_000;
const MAX_WAYS = 16;
/** Threads remembered of one way. */
const MAX_THREADS = 8;
/** Circles told, remembered. */
const MAX_TOLD = 1000;
/** A record has no room for more: there may be others. */
const MAX_GATES = 4;

/** One way in which an order was seen, the first time. */
export interface LockOrder {
  readonly outer: LockLabel;
  readonly inner: LockLabel;
  readonly outerMode: LockMode;
  readonly innerMode: LockMode;
  readonly thread: SceneThread;
  /** Where the inner one was taken. */
  readonly stack: string;
  readonly context: TraceIds | undefined;
  readonly atNs: number;
}

interface Way extends LockOrder {
  readonly gates: ReadonlySet<string>;
  /** There may be gates that are not known. */
  readonly isCut: boolean;
  /** The threads that have gone it, as many as are remembered. */
  readonly threads: Set<string>;
  /** The thread blocks at the inner lock; else one of its activities waits. */
  readonly isBlocking: boolean;
  /** One of the locks is an object of its thread's: no other thread can ever take it. */
  readonly isLocal: boolean;
}

export class LockOrders {
  readonly #naming: LockNaming;
  readonly #onInversion: (circle: readonly LockOrder[]) => void;
  /** Ways by inner node by outer node. */
  readonly #graph = new Map<string, Map<string, Way[]>>();
  readonly #told = new Set<string>();
  #pairs = 0;
  #steps = 0;

  /** `onInversion` is told of each circle of classes once: each order begins with the lock at which the one before it ends. */
  constructor(naming: LockNaming, onInversion: (circle: readonly LockOrder[]) => void) {
    this.#naming = naming;
    this.#onInversion = onInversion;
  }

  /** A thread has told of an order. */
  add(record: LockOrderRecord, thread: SceneThread): void {
    const way = this.#wayOf(record, thread);
    if (way.outer.key === way.inner.key) return;
    const [from, to] = nodesOf(way);
    const kept = this.#keep(from, to, way);
    if (kept === undefined) return;
    this.#steps = 0;
    this.#search(from, kept, to);
  }

  #wayOf({ outer, inner, gates, stackNumber, atNs, context, isAsync }: LockOrderRecord, thread: SceneThread): Way {
    const gateOf = (gate: number): string => (gate > 0 ? `L${gate}` : `class ${this.#naming.text(-gate)}`);
    return {
      outer: this.#naming.lockOf(outer, thread.key),
      inner: this.#naming.lockOf(inner, thread.key),
      outerMode: outer.mode,
      innerMode: inner.mode,
      thread,
      stack: this.#naming.text(stackNumber),
      context,
      atNs,
      gates: new Set(gates.map(gateOf)),
      isCut: gates.length >= MAX_GATES,
      threads: new Set([thread.key]),
      isBlocking: !isAsync,
      isLocal: outer.kind === 'promise' || inner.kind === 'promise',
    };
  }

  /** The way as it is known now; undefined when that is as it was. */
  #keep(from: string, to: string, way: Way): Way | undefined {
    let ways = this.#graph.get(from)?.get(to);
    if (ways === undefined) {
      ways = [];
      this.#makeRoom();
      const inner = this.#graph.get(from);
      if (inner === undefined) this.#graph.set(from, new Map([[to, ways]]));
      else inner.set(to, ways);
      this.#pairs++;
    }
    if (ways.some((other) => other.threads.has(way.thread.key) && covers(other, way))) return undefined;
    const same = ways.find((other) => covers(other, way) && covers(way, other));
    if (same === undefined) {
      if (ways.length >= MAX_WAYS) ways.shift();
      ways.push(way);
      return way;
    }
    if (same.threads.size >= MAX_THREADS) return undefined;
    same.threads.add(way.thread.key);
    return same;
  }

  #makeRoom(): void {
    if (this.#pairs < MAX_PAIRS) return;
    for (const [from, inner] of this.#graph) {
      for (const to of inner.keys()) {
        inner.delete(to);
        this.#pairs--;
        break;
      }
      if (inner.size === 0) this.#graph.delete(from);
      return;
    }
  }

  /** Goes on from the end of a path until it is back at `start`: the shortest circles come first. */
  #search(start: string, first: Way, firstNode: string): void {
    let paths = [{ ways: [first], nodes: [firstNode] }];
    while (paths.length > 0) {
      const longer: typeof paths = [];
      for (const { ways, nodes } of paths) {
        for (const [to, next] of this.#graph.get(nodes.at(-1) as string) ?? []) {
          if (nodes.includes(to)) continue;
          for (const way of next) {
            if (++this.#steps > MAX_STEPS) return;
            if (!canFollow(ways, way)) continue;
            const path = { ways: [...ways, way], nodes: [...nodes, to] };
            if (to === start) this.#close(path.ways);
            else if (path.nodes.length < MAX_CIRCLE) longer.push(path);
          }
        }
      }
      paths = longer;
    }
  }

  #close(circle: readonly Way[]): void {
    const [first, last] = [circle[0], circle.at(-1)];
    if (first === undefined || last === undefined || !conflict(last.innerMode, first.outerMode)) return;
    if (!canBeOfThreads(circle)) return;
    const key = [...new Set(circle.map(({ outer }) => classOf(outer)))].toSorted().join('\0');
    if (this.#told.has(key)) return;
    this.#told.add(key);
    for (const oldest of this.#told) {
      if (this.#told.size <= MAX_TOLD) break;
      this.#told.delete(oldest);
    }
    this.#onInversion(circle);
  }
}

/** Two locks of one class are told apart; others by class, and those without a name by themselves. */
function nodesOf({ outer, inner }: Way): [from: string, to: string] {
  const [from, to] = [classOf(outer), classOf(inner)];
  return from === to ? [outer.key, inner.key] : [from, to];
}

function classOf({ kind, className, key }: LockLabel): string {
  return className === '' ? key : `${kind} ${className}`;
}

/** Whatever a circle needs of `way`, `known` gives as well, for the threads that have gone it. */
function covers(known: Way, way: Way): boolean {
  if (known.isCut && !way.isCut) return false;
  const isAsExclusive = (one: LockMode, other: LockMode): boolean => one === 'exclusive' || other === 'shared';
  if (!isAsExclusive(known.outerMode, way.outerMode) || !isAsExclusive(known.innerMode, way.innerMode)) return false;
  return known.isBlocking === way.isBlocking && [...known.gates].every((gate) => way.gates.has(gate));
}

/** Whether an order can stand while those before it do, and waits for what the last of them has. */
function canFollow(ways: readonly Way[], next: Way): boolean {
  const last = ways.at(-1);
  if (last === undefined || !conflict(last.innerMode, next.outerMode)) return false;
  return ways.every((way) => !haveCommonGate(way, next));
}

function conflict(wanted: LockMode, held: LockMode): boolean {
  return wanted === 'exclusive' || held === 'exclusive';
}

/** A gate, or the lock that one of them has and the other is gated by. Of a lock without a block only the class is known: it counts as the same lock. */
function haveCommonGate(one: Way, other: Way): boolean {
  if ((one.isCut && other.gates.size > 0) || (other.isCut && one.gates.size > 0)) return true;
  if (one.gates.has(gateKey(other.outer)) || other.gates.has(gateKey(one.outer))) return true;
  for (const gate of one.gates) if (other.gates.has(gate)) return true;
  return false;
}

function gateKey({ lockId, className }: LockLabel): string {
  return lockId > 0 ? `L${lockId}` : `class ${className}`;
}

/** Whether there is a thread for each order, of those that have gone it, so that all can stand at once. */
function canBeOfThreads(circle: readonly Way[], chosen: readonly string[] = []): boolean {
  if (!canStand(circle, chosen)) return false;
  const next = circle[chosen.length];
  return next === undefined || [...next.threads].some((thread) => canBeOfThreads(circle, [...chosen, thread]));
}

/** The first orders of a circle, each of a thread. */
function canStand(circle: readonly Way[], threads: readonly string[]): boolean {
  const locals = threads.filter((_, at) => circle[at]?.isLocal);
  const blocked = threads.filter((_, at) => circle[at]?.isBlocking);
  const waitsForItself = threads.some(
    (thread, at) => circle[at]?.isBlocking && thread === threads[(at + 1) % circle.length],
  );
  return new Set(locals).size <= 1 && new Set(blocked).size === blocked.length && !waitsForItself;
}
