/**
 * An object of a library that is a lock: followed from its construction, named after the place of it. What is followed costs the library nothing before the
 * lock is first asked for.
 *
 * Runs on application threads.
 */
import type { Trace } from '../call-site.ts';
import { Hidden } from './hidden.ts';
import type { TrackedLock } from './tracked-lock.ts';
import type { LockTracker } from './tracker.ts';

export class Subject {
  readonly library: string;
  /** Nobody but its one holder can release it. */
  isExclusive: boolean;
  readonly #tracker: LockTracker;
  #trace: Trace | undefined;
  #name: string | undefined;
  #lock: TrackedLock | undefined;

  constructor(tracker: LockTracker, library: string, isExclusive = false) {
    this.isExclusive = isExclusive;
    this.#tracker = tracker;
    this.library = library;
    this.#trace = tracker.traceOfMaking();
  }

  /** `<library>@<file>:<line>` of its construction. */
  get name(): string {
    if (this.#name === undefined) {
      this.#name = this.#tracker.nameOf(this.library, this.#trace);
      this.#trace = undefined;
    }
    return this.#name;
  }

  get lock(): TrackedLock {
    this.#lock ??= this.#tracker.lock(this.#tracker.classOf(this.name, 'promise', 'exclusive', this.library));
    return this.#lock;
  }
}

/** An object as a lock, followed from now on if its construction was not seen; undefined for what is no object. */
export function subjectOf(tracker: LockTracker, target: unknown, library: string): Subject | undefined {
  const found = Hidden.get(target);
  if (found instanceof Subject) return found;
  if (typeof target !== 'object' || target === null) return undefined;
  const made = new Subject(tracker, library);
  Hidden.set(target, made);
  return made;
}

/**
 * Sees the construction of a library's objects, without another constructor: the first time that `field` of one is assigned to. Gives back what ends it.
 */
export function followConstruction(prototype: object, field: PropertyKey, made: (target: object) => void): () => void {
  if (field in prototype) return () => {};
  Object.defineProperty(prototype, field, {
    configurable: true,
    enumerable: false,
    get: () => undefined,
    set(this: object, value: unknown) {
      Object.defineProperty(this, field, { value, configurable: true, enumerable: true, writable: true });
      made(this);
    },
  });
  return () => Reflect.deleteProperty(prototype, field);
}
