/**
 * Lets `Atomics` take the views that `guarded()` gives in the lab mode `GRIDWATCH_RACES=on`: it does what it was asked on the array behind, and tells of the
 * access. On all else it does what it always did.
 *
 * Runs on application threads, before user code, in that mode only.
 */
import { type Method, replaceMethod } from '../replace-method.ts';
import { behind } from '../sync/guarded-behind.ts';

/** Whether each of them writes; undefined: it touches no cell. */
const METHODS: Readonly<Record<string, boolean | undefined>> = {
  load: false,
  wait: false,
  waitAsync: false,
  store: true,
  add: true,
  sub: true,
  and: true,
  or: true,
  xor: true,
  exchange: true,
  compareExchange: true,
  notify: undefined,
};

/** Replaces the methods of `Atomics`; gives back what restores them. Throws where the intrinsics are frozen. */
export function patchGuardedAtomics(): () => void {
  const undo = Object.entries(METHODS).map(([name, isWrite]) =>
    replaceMethod(Atomics, name, (original) => throughView(original, isWrite)),
  );
  return () => {
    for (const restore of undo.toReversed()) restore?.();
  };
}

function throughView(original: Method, isWrite: boolean | undefined): Method {
  /*
   * A method, which, like the original, cannot be constructed. None of them looks at `this`, has more than four parameters, or tells one that is undefined
   * from one that is not there. It is on the way of every lock: no array of arguments is made.
   */
  return {
    method(array: unknown, index: unknown, a: unknown, b: unknown): unknown {
      const own = behind(array);
      if (own === undefined) return original.call(Atomics, array, index, a, b);
      const at = Number(index);
      if (isWrite !== undefined && at >= 0 && at < own.array.length) own.touch(at, isWrite, true);
      return original.call(Atomics, own.array, index, a, b);
    },
  }.method;
}
