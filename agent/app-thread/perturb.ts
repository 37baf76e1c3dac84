/**
 * `GRIDWATCH_PERTURB`: delays at the places where threads meet, so that rare schedules become frequent. A seed decides which; the lab mode of a test.
 *
 * Runs on application threads. A decision depends on the seed, the thread, the kind of the place and how often the thread was there before; never on time,
 * nor on another thread. So the same seed delays a thread's n-th acquisition as before, whatever its other waits do. Which thread it is its parent says: its
 * name and the how manieth of its parent's threads it is, up to the main thread.
 *
 * The delays themselves are no waits of the program: the wait word does not show them. The kernel does, so a thread's time in them is `unknown`.
 */
import { type Method, replaceMethod } from './replace-method.ts';

/** Taken before anything is patched: no delay may be told as a wait of the program. */
const { wait } = Atomics;
const { MessagePort } = process.getBuiltinModule('node:worker_threads');

/**
 * Where a thread may be delayed: before it tries to take a lock, when it has it, before it gives it back, before it wakes others, before a raw
 * `Atomics.wait`, and before a message is handed to the program.
 */
export const PERTURB_POINTS = ['acquire', 'acquired', 'release', 'notify', 'wait', 'delivery'] as const;
export type PerturbPoint = (typeof PERTURB_POINTS)[number];
export type Perturb = (point: PerturbPoint) => void;

/** Beyond so many times at one kind of place delays become rarer, or a program that locks a million times would not end. */
const FULL_RATE = 256;

/** Shares of 2^32: a yield, a short delay, a long one; none else. */
const LONG = 0.01 * 2 ** 32;
const SHORT = LONG + 0.14 * 2 ** 32;
const YIELD = SHORT + 0.15 * 2 ** 32;
const YIELD_MS = 0.01;
const SHORT_MIN_MS = 0.1;
const SHORT_MAX_MS = 5;
const LONG_MS = 20;

/** The seed of a thread of its own, from its parent's. */
export function seedOfThread(parentSeed: number, name: string, ordinal: number): number {
  let value = parentSeed | 0;
  for (let i = 0; i < name.length; i++) value = mix(value ^ name.charCodeAt(i));
  return mix(mix(value) ^ ordinal);
}

/** How long a thread with this seed is delayed at its n-th time at such a place, in ms; 0: not at all. */
export function delayMs(threadSeed: number, point: PerturbPoint, occurrence: number): number {
  const value = mix(mix(threadSeed ^ Math.imul(PERTURB_POINTS.indexOf(point) + 1, 0x9e3779b1)) ^ occurrence) >>> 0;
  if (occurrence >= FULL_RATE && mix(value) >>> 0 >= (FULL_RATE / occurrence) * 2 ** 32) return 0;
  if (value < LONG) return LONG_MS;
  if (value < SHORT) {
    const share = (mix(value ^ 0x5bd1e995) >>> 0) / 2 ** 32;
    return SHORT_MIN_MS + share * (SHORT_MAX_MS - SHORT_MIN_MS);
  }
  return value < YIELD ? YIELD_MS : 0;
}

/** What delays the calling thread. `sleep` is given a number of ms, never zero. */
export function createPerturb(threadSeed: number, sleep: (ms: number) => void = createSleep()): Perturb {
  const occurrences = new Map<PerturbPoint, number>();
  return (point) => {
    const occurrence = occurrences.get(point) ?? 0;
    occurrences.set(point, occurrence + 1);
    const delay = delayMs(threadSeed, point, occurrence);
    if (delay > 0) sleep(delay);
  };
}

function createSleep(): (ms: number) => void {
  const word = new Int32Array(new SharedArrayBuffer(4));
  return (ms) => {
    wait(word, 0, 0, ms);
  };
}

/** Node's own door through which every message of a port reaches the program, whichever way it listens. */
const DISPATCH = Symbol.for('nodejs.internal.kHybridDispatch');

/** Delays `Atomics.notify` and the delivery of messages; gives back what ends that. Throws where the intrinsics are frozen. */
export function patchPerturbed(perturb: Perturb): () => void {
  const delayed =
    (point: PerturbPoint) =>
    (original: Method): Method =>
      /* A method, which, like the original, cannot be constructed. */
      ({
        method(this: object, ...args: unknown[]): unknown {
          perturb(point);
          return Reflect.apply(original, this, args);
        },
      }).method;
  const undo = [
    replaceMethod(Atomics, 'notify', delayed('notify')),
    replaceMethod(MessagePort.prototype, DISPATCH, delayed('delivery')),
  ];
  return () => {
    for (const restore of undo.toReversed()) restore?.();
  };
}

/** The last step of MurmurHash3. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
