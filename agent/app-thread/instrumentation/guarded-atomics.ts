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
  /* A method, which, like the original, cannot be constructed. */
  return {
    method(this: object, ...args: unknown[]): unknown {
      const own = behind(args[0]);
      if (own === undefined) return Reflect.apply(original, this, args);
      const index = Number(args[1]);
      if (isWrite !== undefined && index >= 0 && index < own.array.length) own.touch(index, isWrite, true);
      return Reflect.apply(original, this, [own.array, ...args.slice(1)]);
    },
  }.method;
}
