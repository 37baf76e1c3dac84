/**
 * Where lock memory and the thread's observer are found: a symbol on the global that the preload sets and every copy of `gridwatch/sync` reads.
 *
 * Runs on application threads. Without the agent the first `gridwatch/sync` of the main thread makes lock memory and hands it to later workers in their
 * environment data.
 */
import type { LockObserver } from './lock-observer.ts';

const LINK = Symbol.for('gridwatch.locks');
/** Grows when what stands here changes its meaning: a copy of another version then works, unobserved. */
const LINK_VERSION = 1;

export interface LockLink {
  readonly version: number;
  /** Lock memory. */
  readonly buffer: SharedArrayBuffer;
  /** Absent without the agent. */
  readonly observer: LockObserver | undefined;
  /** Told of each later link of this thread: the agent may be started, and stopped, after locks were made. */
  readonly listeners: Set<(link: LockLink) => void>;
}

const holder = globalThis as { [LINK]?: LockLink };

export function findLockLink(): LockLink | undefined {
  const link = holder[LINK];
  return link?.version === LINK_VERSION ? link : undefined;
}

export function setLockLink(buffer: SharedArrayBuffer, observer: LockObserver | undefined): void {
  const listeners = findLockLink()?.listeners ?? new Set();
  const value: LockLink = { version: LINK_VERSION, buffer, observer, listeners };
  Object.defineProperty(globalThis, LINK, { value, configurable: true, enumerable: false });
  for (const listener of listeners) listener(value);
}
