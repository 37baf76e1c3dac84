/**
 * What the patches of packages have in common: how they are given what a package declares, and how they replace it.
 *
 * Runs on application threads, when such a package is loaded.
 */
import { type Method, replaceMethod } from '../replace-method.ts';

/** What a file declares, by name; what is assigned to stands in its place. */
export type Declared = Record<string, unknown>;

/** Patches what a package declares, and tells a tracker; gives back what takes that back. */
export type Patch<Tracker> = (declared: Declared, tracker: Tracker) => () => void;

/** A function that does not look at its `this`. */
export type Callable = (...args: unknown[]) => unknown;

/** Where all copies of this module find what was patched: the preload and an instrumentation of the program's may both come by, from folders of their own. */
const PATCHED = Symbol.for('gridwatch.patched');
const global = globalThis as { [PATCHED]?: WeakSet<object> };

function patched(): WeakSet<object> {
  const known = global[PATCHED];
  if (known !== undefined) return known;
  const value = new WeakSet<object>();
  Object.defineProperty(globalThis, PATCHED, { value, configurable: true, enumerable: false });
  return value;
}

/** Whether nobody has taken this one yet: from now on the caller has. */
export function take(target: object): boolean {
  if (patched().has(target)) return false;
  patched().add(target);
  return true;
}

/** Patches the methods of a prototype, or what it stands for, once. */
export function once(target: unknown, patch: (target: object) => () => void): () => void {
  if (target === null || (typeof target !== 'object' && typeof target !== 'function') || !take(target)) return () => {};
  const undo = patch(target);
  return () => {
    undo();
    patched().delete(target);
  };
}

export type Replacement = (original: Method) => Method;

/** Replaces methods of an object; those that it has not are left out. */
export function replaceAll(holder: object, replacements: Readonly<Record<string, Replacement>>): () => void {
  const undo = Object.entries(replacements).map(([name, make]) => replaceMethod(holder, name, make));
  return () => {
    for (const step of undo) step?.();
  };
}

/** Replaces a function that a file declares. */
export function replaceDeclared(declared: Declared, name: string, make: (original: Callable) => Callable): () => void {
  const original = declared[name] as Callable;
  if (typeof original !== 'function' || patched().has(original)) return () => {};
  const replaced = make(original);
  patched().add(replaced);
  Object.defineProperties(replaced, {
    name: { value: original.name, configurable: true },
    length: { value: original.length, configurable: true },
  });
  declared[name] = replaced;
  return () => {
    if (declared[name] === replaced) declared[name] = original;
  };
}

/**
 * What a file declares, by name. An ES module's bindings have theirs; `exports` of CommonJS are taken by theirs, or, where they are one function, or have it as
 * `default`, by the one name given.
 */
export function declaredBy(declared: Declared, name: string | undefined): Declared {
  if (!('exports' in declared)) return declared;
  const module = declared as { exports: unknown };
  if (name === undefined) return module.exports as Declared;
  const given = module.exports as { default?: unknown };
  const isWhole = typeof given === 'function';
  const found = { [name]: isWhole ? given : given.default };
  return Object.defineProperty(found, name, {
    get: () => (isWhole ? module.exports : given.default),
    set: (value: unknown) => {
      if (isWhole) module.exports = value;
      else given.default = value;
    },
  });
}
