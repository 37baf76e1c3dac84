/**
 * The scopes of callbacks that run while a lock is held for them, whatever kind of lock: what was taken in which callback of what else is read from them.
 *
 * Runs on application threads. Two copies of this file meet on a thread (the patches of promise locks and `gridwatch/sync` are files of their own), so a scope
 * is known by its fields, never by its class.
 */
import type { LockRef } from '../shared-memory/lock-records.ts';
import type { Activity } from './activity.ts';

/** What stands in the scope of such a callback. */
export interface LockScope extends Activity {
  /** The activity that asked for the lock; 0 for none. */
  readonly parentActivity: number;
  /** The lock as records name it. */
  readonly ref: LockRef;
  /** The same for all locks of its class; undefined of those that are in none but the rest's. */
  readonly className: string | undefined;
  /** False before it is given, and once it was released, whether the callback has ended or not. */
  readonly isHeld: boolean;
  /** The callback in which this one was begun. */
  outer: LockScope | undefined;
}

/** The innermost callback around what runs in `scope` whose lock is held now. */
function heldScope(scope: Activity | undefined): LockScope | undefined {
  let held = isLockScope(scope) ? scope : undefined;
  while (held !== undefined && !held.isHeld) held = held.outer;
  return held;
}

/**
 * The same, for who begins another callback in it: those between that hold nothing any more are taken out of the chain, which would otherwise grow for as
 * long as each callback begins the next one.
 */
export function enclosingScope(scope: Activity | undefined): LockScope | undefined {
  const enclosing = heldScope(scope);
  for (let held = enclosing; held !== undefined; held = held.outer) held.outer = heldScope(held.outer);
  return enclosing;
}

/** All whose locks are held now, the innermost first. */
export function heldScopes(scope: Activity | undefined): LockScope[] {
  const scopes: LockScope[] = [];
  for (let held = heldScope(scope); held !== undefined; held = heldScope(held.outer)) scopes.push(held);
  return scopes;
}

function isLockScope(scope: Activity | undefined): scope is LockScope {
  return scope !== undefined && 'isHeld' in scope;
}
