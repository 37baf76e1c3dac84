/**
 * The typed arrays of a `ControlMemory` as the explorer's programs see them: each index is an access to the model's
 * memory. Runs in a test's own process.
 *
 * Importing this file replaces the global `Atomics` by one that knows these arrays and passes all others on. The agent
 * keeps some of the originals, so what is to run in a model must be loaded after this file, as `loadVariant` does.
 */
import { access, program, Violation } from './explore.ts';

/** The width of an element of each array that stands for a view of the model's memory. */
const widths = new WeakMap<object, number>();

function arrayOf(widthBytes: number, fromWord: (word: number) => number, toWord: (value: number) => number): object {
  const array = new Proxy(
    {},
    {
      get: (_, index) => fromWord(access({ kind: 'read', at: Number(index) * widthBytes }) as number),
      set: (_, index, value: number) => {
        access({ kind: 'write', at: Number(index) * widthBytes, value: toWord(value) });
        return true;
      },
    },
  );
  widths.set(array, widthBytes);
  return array;
}

const same = (value: number): number => value;

/** Bytes are only ever copied to and from whole words, and cleared. */
const bytes = {
  set(from: Uint8Array, at: number): void {
    const whole = new Uint8Array(Math.ceil(from.length / 4) * 4);
    whole.set(from);
    const words = new Int32Array(whole.buffer);
    for (const [i, value] of words.entries()) access({ kind: 'write', at: at + i * 4, value });
  },
  subarray(from: number, to: number): Uint8Array {
    const words = new Int32Array(Math.ceil((to - from) / 4));
    for (let i = 0; i < words.length; i++) words[i] = access({ kind: 'read', at: from + i * 4 }) as number;
    return new Uint8Array(words.buffer).subarray(0, to - from);
  },
  fill(value: number, from: number, to: number): void {
    if (value !== 0) throw new Violation('the model only knows how to clear bytes');
    while ((access({ kind: 'clearNext', from, to }) as number) >= 0);
  },
};

/** The one control memory of all models; `prototype` gives it the offsets of the real one. */
export function modelControlMemory<T extends object>(prototype: T): T {
  return Object.assign(Object.create(prototype) as T, {
    i32: arrayOf(4, same, (value) => value | 0),
    u32: arrayOf(
      4,
      (word) => word >>> 0,
      (value) => value | 0,
    ),
    f64: arrayOf(8, same, same),
    u8: bytes,
  });
}

type Operation = (array: object, index: number, ...rest: number[]) => unknown;

const atomic: Readonly<Record<string, (at: number, ...rest: number[]) => unknown>> = {
  load: (at) => access({ kind: 'load', at }),
  store: (at, value = 0) => access({ kind: 'store', at, value: value | 0 }),
  add: (at, value = 0) => access({ kind: 'add', at, value }),
  or: (at, value = 0) => access({ kind: 'or', at, value }),
  and: (at, value = 0) => access({ kind: 'and', at, value }),
  exchange: (at, value = 0) => access({ kind: 'exchange', at, value: value | 0 }),
  compareExchange: (at, expected = 0, value = 0) =>
    access({ kind: 'cas', at, expected: expected | 0, value: value | 0 }),
  notify: (at, count = Number.POSITIVE_INFINITY) => access({ kind: 'notify', at, count }),
  wait: (at, value = 0, timeoutMs) => {
    const outcome = access({ kind: 'wait', at, value, hasTimeout: timeoutMs !== undefined });
    if (outcome === 'timed-out') program.elapsedMs += timeoutMs ?? 0;
    return outcome;
  },
  waitAsync: (at, value = 0) => {
    const outcome = access({ kind: 'waitAsync', at, value });
    if (outcome === 'not-equal') return { async: false, value: outcome };
    /* Not a promise: what follows it runs in the model, at once when the wait has ended. */
    // oxlint-disable-next-line unicorn/no-thenable -- it stands for the promise of waitAsync
    return { async: true, value: { then: (next: (outcome: unknown) => void) => next(joinWait(at)) } };
  },
};

function joinWait(at: number): unknown {
  for (;;) {
    if (program.state !== undefined) access({ kind: 'settle', key: program.state() });
    const outcome = access({ kind: 'join', at });
    if (outcome !== 'timed-out') return outcome;
    program.poll();
  }
}

const original = globalThis.Atomics;
const observed: Record<PropertyKey, unknown> = Object.create(original) as Record<PropertyKey, unknown>;
for (const [name, inModel] of Object.entries(atomic)) {
  const inMemory = Reflect.get(original, name) as Operation;
  observed[name] = (array: object, index: number, ...rest: number[]): unknown => {
    const widthBytes = widths.get(array);
    return widthBytes === undefined ? inMemory(array, index, ...rest) : inModel(index * widthBytes, ...rest);
  };
}
Object.defineProperty(globalThis, 'Atomics', { value: observed, writable: true, configurable: true });
