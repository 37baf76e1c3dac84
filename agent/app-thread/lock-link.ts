/**
 * Where lock memory and what the thread records with are found: a symbol on the global that the preload sets and every copy of `gridwatch/sync` reads.
 *
 * Runs on application threads. Without the agent the first `gridwatch/sync` of the main thread makes lock memory and hands it to later workers in their
 * environment data. The preload imports this file alone: what observes locks is loaded with the first lock.
 */
import type { Config } from '../config/options.ts';
import type { LockNotice, LockObserver } from './lock-observer.ts';
import type { Recorder } from './recorder.ts';

const LINK = Symbol.for('gridwatch.locks');
/** Grows when what stands here changes its meaning: a copy of another version then works, unobserved. */
const LINK_VERSION = 3;

/** What the preload hands to the observer of the thread's locks. */
export interface LockRecording {
  readonly recorder: Recorder;
  readonly config: Config;
  /** Sends a notice to the agent thread. */
  readonly tell: (notice: LockNotice) => void;
  /** Told before the thread is blocked for longer than a moment. */
  readonly beforeWait: (nowNs: number) => void;
  /** What `Atomics` does when nothing of it is replaced. */
  readonly atomics: Pick<typeof Atomics, 'wait' | 'waitAsync' | 'notify'>;
  /** Who is told before the thread blocks, or ends. */
  readonly blockListeners: (() => void)[];
}

export interface LockLink {
  readonly version: number;
  /** Lock memory. */
  readonly buffer: SharedArrayBuffer;
  /** Absent without the agent. */
  readonly recording: LockRecording | undefined;
  /** Made by the first who asks `lockObserver`: one a thread. */
  observer: LockObserver | undefined;
  /** Told of each later link of this thread: the agent may be started, and stopped, after locks were made. */
  readonly listeners: Set<(link: LockLink) => void>;
}

const holder = globalThis as { [LINK]?: LockLink };

export function findLockLink(): LockLink | undefined {
  const link = holder[LINK];
  return link?.version === LINK_VERSION ? link : undefined;
}

export function setLockLink(buffer: SharedArrayBuffer, recording: LockRecording | undefined): void {
  const listeners = findLockLink()?.listeners ?? new Set();
  const value: LockLink = { version: LINK_VERSION, buffer, recording, observer: undefined, listeners };
  Object.defineProperty(globalThis, LINK, { value, configurable: true, enumerable: false });
  for (const listener of listeners) listener(value);
}
