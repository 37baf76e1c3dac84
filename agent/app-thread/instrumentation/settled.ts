/**
 * Tells when what a program's function gave to a library is settled.
 *
 * Runs on application threads. The library waits for it in any case, so it has a handler, and one of ours hides no rejection; nothing is settled a microtask
 * later than without.
 */

const { then } = Promise.prototype;

/** Calls `over` when the result of a function is settled, at once where it is no promise. Gives back what the library is to be given in its place. */
export function whenSettled(result: unknown, over: (isFailed: boolean) => void): unknown {
  if (isPlainPromise(result)) {
    void then.call(
      result,
      () => over(false),
      () => over(true),
    );
  } else if (isThenable(result)) return adopted(result, over);
  else over(false);
  return result;
}

function isPlainPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise && value.constructor === Promise && !Object.hasOwn(value, 'then');
}

/** Whether somebody who waits for this calls its `then`. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject && typeof (value as { then?: unknown }).then === 'function';
}

/** Somebody else's promise: its own `then` is called once, by the library, and tells when it is settled. */
function adopted(value: PromiseLike<unknown>, over: (isFailed: boolean) => void): PromiseLike<unknown> {
  const settled =
    (settle: ((given: never) => unknown) | null | undefined, isFailed: boolean) =>
    (given: unknown): unknown => {
      over(isFailed);
      return settle?.(given as never);
    };
  // oxlint-disable-next-line no-thenable
  return { then: (resolve, reject) => value.then(settled(resolve, false), settled(reject, true)) as never };
}
