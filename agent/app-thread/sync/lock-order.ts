/**
 * The orders in which a thread takes locks while it holds others, all by blocking calls: each new one is told to the agent once, with the stack of the inner
 * acquisition. What callbacks hold (`scope-orders.ts`) are gates here.
 *
 * Runs on application threads, and only where a lock is taken while another is held. What was held is a path in a tree whose nodes are made when a path
 * is gone for the first time, so an order that is known costs one look at a node.
 */
import type { LockMode } from '../../shared-memory/async-locks.ts';
import type { LockRef } from '../../shared-memory/lock-records.ts';
import { heldScopes } from '../lock-scope.ts';
import { gateOf } from '../scope-orders.ts';
import type { LocalLock } from './local-lock.ts';
import type { LockThread } from './lock-thread.ts';
import { captureStack } from './sync-stack.ts';

/** A program with many locks without names takes ever new ones: the tree is then begun anew, and known orders are told again. */
const MAX_NODES = 4096;
/** Locks that are held at once, beyond which orders are no longer told. */
const MAX_DEPTH = 8;

/** What was held, in the order of acquisition: the locks from the root to this node. */
export class HeldPath {
  readonly ref: LockRef;
  readonly outer: HeldPath | undefined;
  readonly depth: number;
  /** The agent knows this order. Not of one that was only tried: who does not wait can be part of no deadlock. */
  isTold = false;
  /** It does so with the locks of callbacks as gates: the same order without them would say more. */
  isGated = false;
  #last: HeldPath | undefined;
  #next: Map<number, HeldPath> | undefined;

  constructor(ref: LockRef, outer: HeldPath | undefined) {
    this.ref = ref;
    this.outer = outer;
    this.depth = outer === undefined ? 1 : outer.depth + 1;
  }

  find(lockId: number, mode: LockMode): HeldPath | undefined {
    const last = this.#last;
    if (last?.ref.lockId === lockId && last.ref.mode === mode) return last;
    const found = this.#next?.get(keyOf(lockId, mode));
    if (found !== undefined) this.#last = found;
    return found;
  }

  add(path: HeldPath): void {
    this.#next ??= new Map();
    this.#next.set(keyOf(path.ref.lockId, path.ref.mode), path);
    this.#last = path;
  }

  clear(): void {
    this.#next = undefined;
    this.#last = undefined;
  }
}

function keyOf(lockId: number, mode: LockMode): number {
  return mode === 'shared' ? -lockId : lockId;
}

export class OrderTrie {
  readonly #thread: LockThread;
  readonly #roots = new Set<HeldPath>();
  #nodes = 0;

  constructor(thread: LockThread) {
    this.#thread = thread;
  }

  /**
   * The path of `lock` taken while what is in `outer` is held; undefined where orders are not watched. `hasTried`: it would not have waited, so this is no
   * order to tell of, but it may be the outer lock of one.
   */
  follow(outer: HeldPath | undefined, lock: LocalLock, mode: LockMode, hasTried: boolean): HeldPath | undefined {
    if (outer === undefined || outer.depth >= MAX_DEPTH) return undefined;
    const path = outer.find(lock.id, mode) ?? this.#addSlow(outer, lock, mode);
    if (path !== undefined && !path.isTold && !hasTried) this.#tellSlow(path, outer);
    return path;
  }

  /** The path was gone once more: tells an order again that was told with the locks of callbacks as gates, if it goes without any. */
  tellAgain(path: HeldPath | undefined): void {
    if (path?.outer === undefined || !path.isGated) return;
    if (heldScopes(this.#thread.recording?.activities?.scope).length === 0) this.#tellSlow(path, path.outer);
  }

  #addSlow(outer: HeldPath, lock: LocalLock, mode: LockMode): HeldPath | undefined {
    if (this.#thread.recording === undefined) return undefined;
    if (++this.#nodes > MAX_NODES) this.#restart();
    if (outer.outer === undefined) this.#roots.add(outer);
    const path = new HeldPath({ lockId: lock.id, classNumber: 0, kind: lock.kind, mode }, outer);
    outer.add(path);
    return path;
  }

  #tellSlow(path: HeldPath, outer: HeldPath): void {
    const observer = this.#thread.recording;
    if (observer === undefined) return;
    path.isTold = true;
    const { ref: inner } = path;
    const atNs = observer.nowNs();
    const context = observer.activeTraceIds();
    const stackNumber = captureStack(observer).stackNumber;
    const scopes = heldScopes(observer.activities?.scope).map(({ ref }) => gateOf(ref));
    path.isGated = scopes.length > 0;
    for (let held: HeldPath | undefined = outer; held !== undefined; held = held.outer) {
      /* A read within a read, a second permit: no order of two locks. */
      if (held.ref.lockId === inner.lockId) continue;
      const gates = new Set([...gatesOf(outer, held.ref.lockId), ...scopes]);
      gates.delete(held.ref.lockId);
      gates.delete(inner.lockId);
      observer.recordOrder({ outer: held.ref, inner, gates: [...gates], stackNumber, atNs, context, isAsync: false });
    }
  }

  #restart(): void {
    for (const root of this.#roots) root.clear();
    this.#roots.clear();
    this.#nodes = 1;
  }
}

/** All that was held beside one of it. */
function gatesOf(path: HeldPath, lockId: number): number[] {
  const gates: number[] = [];
  for (let held: HeldPath | undefined = path; held !== undefined; held = held.outer)
    if (held.ref.lockId !== lockId) gates.push(held.ref.lockId);
  return gates;
}
