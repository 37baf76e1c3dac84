/**
 * The view that stands for a typed array whose accesses are checked: a proxy that tells of each access to a cell, by index or by a method.
 *
 * Runs on application threads in the lab mode `GRIDWATCH_RACES=on`. What the array does, returns and throws stays the array's.
 *
 * Not through a proxy go: `Atomics`, which is patched for it (`instrumentation/guarded-atomics.ts`), and what asks for a real typed array in native code
 * (`postMessage`, `TextDecoder`, `ArrayBuffer.isView`): that needs the bare array.
 */

import { BEHIND, type Behind, behind, type Touch, type TypedArray } from './guarded-behind.ts';

type Indexed = Record<number, unknown> & { readonly length: number };
type AnyFunction = (...args: unknown[]) => unknown;
/** A method as the view has it. */
type ViewMethod = (view: object, behind: Behind, args: unknown[], original: AnyFunction) => unknown;

/** `touch` is given indexes of `array`. */
export function createView<T extends TypedArray>(array: T, touch: Touch): T {
  const own: Behind = { array, touch };
  const methods = new Map<PropertyKey, AnyFunction>();
  const methodOf = (name: PropertyKey, original: AnyFunction): AnyFunction => {
    const known = methods.get(name);
    if (known !== undefined) return known;
    const run = METHODS.get(name === Symbol.iterator ? 'values' : name) ?? readsAll;
    const made = (...args: unknown[]): unknown => {
      const result = run(view, own, args, original);
      return result === array ? view : result;
    };
    Object.defineProperties(made, { name: { value: original.name }, length: { value: original.length } });
    methods.set(name, made);
    return made;
  };
  const view: T = new Proxy(array, {
    get(target, key) {
      if (key === BEHIND) return own;
      const index = indexOf(key);
      if (index >= 0) {
        if (index < target.length) touch(index, false, false);
        return target[index];
      }
      const value: unknown = Reflect.get(target, key, target);
      return isInherited(target, key, value) ? methodOf(key, value) : value;
    },
    set(target, key, value: unknown) {
      const index = indexOf(key);
      if (index >= 0 && index < target.length) touch(index, true, false);
      return Reflect.set(target, key, value, target);
    },
  });
  return view;
}

const PROTOTYPE = Object.getPrototypeOf(Int32Array.prototype) as Record<PropertyKey, unknown>;

/** One of the methods that typed arrays have and other objects have not. */
function isInherited(target: TypedArray, key: PropertyKey, value: unknown): value is AnyFunction {
  if (typeof value !== 'function' || key === 'constructor' || Object.hasOwn(target, key)) return false;
  return Object.hasOwn(PROTOTYPE, key) && value === PROTOTYPE[key];
}

/** The index that a property key is, or -1. */
function indexOf(key: PropertyKey): number {
  if (typeof key !== 'string') return -1;
  const first = key.charCodeAt(0);
  if (!(first >= 48 && first <= 57)) return -1;
  const index = Number(key);
  return Number.isSafeInteger(index) && String(index) === key ? index : -1;
}

function touchRange({ touch }: Behind, from: number, to: number, isWrite: boolean): void {
  for (let index = from; index < to; index++) touch(index, isWrite, false);
}

/** An index argument as the methods of arrays take it: negative ones count from the end. */
function clamped(value: unknown, length: number, byDefault: number): number {
  if (value === undefined) return byDefault;
  const number = Math.trunc(Number(value)) || 0;
  return number < 0 ? Math.max(0, length + number) : Math.min(number, length);
}

const readsAll: ViewMethod = (_, own, args, original) => {
  touchRange(own, 0, own.array.length, false);
  return original.apply(own.array, args);
};

const changesAll: ViewMethod = (_, own, args, original) => {
  touchRange(own, 0, own.array.length, true);
  return original.apply(own.array, args);
};

/** As the arrays' method of this name does it, which reads the view cell by cell and stops where that stops. */
const asArrayDoes =
  (method: AnyFunction): ViewMethod =>
  (view, _, args) =>
    method.apply(view, args);

/** Those that call back for each cell: it is told when its turn comes. The callback is given the view. */
const callsBack =
  (cellAt: number): ViewMethod =>
  (view, own, [callback, ...rest], original) => {
    if (typeof callback !== 'function') return original.apply(own.array, [callback, ...rest]);
    const told = function (this: unknown, ...args: unknown[]): unknown {
      own.touch(args[cellAt] as number, false, false);
      args[cellAt + 1] = view;
      return Reflect.apply(callback, this, args) as unknown;
    };
    return original.apply(own.array, [told, ...rest]);
  };
const forEachCell = callsBack(1);
const fold = callsBack(2);

/** The methods of typed arrays that do not read every cell; all others do. */
const METHODS: ReadonlyMap<PropertyKey, ViewMethod> = new Map(
  Object.entries({
    at: (view, { array }, [given]) => {
      const number = Math.trunc(Number(given)) || 0;
      return (view as Indexed)[number < 0 ? array.length + number : number];
    },
    indexOf: asArrayDoes(Array.prototype.indexOf as AnyFunction),
    lastIndexOf: asArrayDoes(Array.prototype.lastIndexOf as AnyFunction),
    includes: asArrayDoes(Array.prototype.includes as AnyFunction),
    entries: asArrayDoes(Array.prototype.entries as AnyFunction),
    values: asArrayDoes(Array.prototype.values as AnyFunction),
    keys: (_, { array }, args, original) => original.apply(array, args),
    every: forEachCell,
    some: forEachCell,
    find: forEachCell,
    findIndex: forEachCell,
    findLast: forEachCell,
    findLastIndex: forEachCell,
    forEach: forEachCell,
    map: forEachCell,
    filter: forEachCell,
    reduce: foldFrom(0),
    reduceRight: foldFrom(-1),
    reverse: changesAll,
    sort: changesAll,
    fill: (_, own, args, original) => {
      const { length } = own.array;
      touchRange(own, clamped(args[1], length, 0), clamped(args[2], length, length), true);
      return original.apply(own.array, args);
    },
    slice: (_, own, args, original) => {
      const { length } = own.array;
      touchRange(own, clamped(args[0], length, 0), clamped(args[1], length, length), false);
      return original.apply(own.array, args);
    },
    subarray: (_, own, args, original) => {
      const from = clamped(args[0], own.array.length, 0);
      const part = original.apply(own.array, args) as TypedArray;
      return createView(part, (index, isWrite, isAtomic) => own.touch(from + index, isWrite, isAtomic));
    },
    set: (_, own, [source, at], original) => {
      const other = behind(source);
      if (other !== undefined) touchRange(other, 0, other.array.length, false);
      const from = Math.trunc(Number(at ?? 0)) || 0;
      const count = Number((source as { length?: unknown } | null | undefined)?.length) || 0;
      if (from >= 0 && from + count <= own.array.length) touchRange(own, from, from + count, true);
      return original.apply(own.array, [other?.array ?? source, at]);
    },
    copyWithin: (_, own, args, original) => {
      const { length } = own.array;
      const to = clamped(args[0], length, 0);
      const from = clamped(args[1], length, 0);
      const count = Math.min(clamped(args[2], length, length) - from, length - to);
      touchRange(own, from, from + count, false);
      touchRange(own, to, to + count, true);
      return original.apply(own.array, args);
    },
  }),
);

/** A fold without a first value begins with a cell of its own, which no callback is told of. */
function foldFrom(first: 0 | -1): ViewMethod {
  return (view, own, args, original) => {
    const { length } = own.array;
    if (args.length < 2 && length > 0) own.touch(first === 0 ? 0 : length - 1, false, false);
    return fold(view, own, args, original);
  };
}
