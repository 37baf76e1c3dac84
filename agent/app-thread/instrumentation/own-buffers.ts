/**
 * Knows the buffers that this thread has made itself, by standing in for `SharedArrayBuffer`. In the lab mode `GRIDWATCH_RACES=on` only: a buffer that a worker
 * was sent cannot be told from another one of its size in any other way.
 *
 * Runs on workers, before user code. `WebAssembly.Memory` makes buffers without it: those count as sent.
 */
export interface OwnBuffers {
  /** From 1 on; 0 for a buffer that this thread has not made. */
  readonly numberOf: (buffer: SharedArrayBuffer) => number;
  readonly stop: () => void;
}

/** Throws where the intrinsics are frozen. */
export function followOwnBuffers(): OwnBuffers {
  const numbers = new WeakMap<object, number>();
  let made = 0;
  const original = globalThis.SharedArrayBuffer;
  const followed = new Proxy(original, {
    construct(target, args, newTarget: NewableFunction) {
      const buffer = Reflect.construct(target, args, newTarget === followed ? target : newTarget) as object;
      numbers.set(buffer, ++made);
      return buffer;
    },
  });
  const put = (value: SharedArrayBufferConstructor): void => {
    const attributes = { writable: true, enumerable: false, configurable: true };
    Object.defineProperty(globalThis, 'SharedArrayBuffer', { value, ...attributes });
    Object.defineProperty(original.prototype, 'constructor', { value, ...attributes });
  };
  put(followed);
  return {
    numberOf: (buffer) => numbers.get(buffer) ?? 0,
    stop: () => {
      if (globalThis.SharedArrayBuffer === followed) put(original);
    },
  };
}
