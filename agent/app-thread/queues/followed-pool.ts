/**
 * A pool of connections that is followed: from its construction, named after the place of it. What is followed costs the library nothing before a connection
 * is first asked for.
 *
 * Runs on application threads. It must never throw.
 */
import { Hidden } from '../async-locks/hidden.ts';
import { framesOf, siteOf, type Trace, takeTrace } from '../call-site.ts';
import { forgetWith } from './followed-queue.ts';
import type { QueueTracker } from './queue-tracker.ts';
import { type QueueItem, TrackedQueue } from './tracked-queue.ts';

type Kind = 'connection_pool' | 'http_agent';

export interface FollowedPoolOptions {
  readonly kind: Kind;
  readonly library: string;
  readonly target: object | undefined;
  readonly isMade: boolean;
}

export class FollowedPool {
  readonly #tracker: QueueTracker;
  readonly #kind: Kind;
  readonly #library: string;
  #trace: Trace | undefined;
  /** The library's object, until it has a queue. */
  #target: object | undefined;
  #queue: TrackedQueue | undefined;
  /** Who has which connection. */
  readonly #held = new Map<unknown, QueueItem>();
  #isClosed = false;

  /** `target` is the library's object. `isMade`: it is being constructed by who calls this, further up. */
  constructor(tracker: QueueTracker, { kind, library, target, isMade }: FollowedPoolOptions) {
    this.#tracker = tracker;
    this.#kind = kind;
    this.#library = library;
    this.#target = target;
    this.#trace = isMade ? takeTrace() : undefined;
  }

  /** Whether it is told of anything at this moment. */
  get isOff(): boolean {
    return this.#tracker.isOff('queues');
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Gives it a name that is not of a place; to be called before it is first used. */
  set name(name: string) {
    this.#trace = undefined;
    if (this.#queue !== undefined) return;
    this.#queue = new TrackedQueue(this.#tracker, { name, kind: this.#kind });
    if (this.#target !== undefined) forgetWith(this.#target, this.#queue);
    this.#target = undefined;
  }

  get isNamed(): boolean {
    return this.#queue !== undefined;
  }

  get queue(): TrackedQueue {
    if (this.#queue === undefined) this.name = nameOf(this.#library, this.#trace);
    return this.#queue as TrackedQueue;
  }

  /** A connection was handed out; whoever had it before has it no more. */
  hands(connection: unknown, item: QueueItem): void {
    this.returns(connection, 'done');
    this.queue.begins(item);
    this.#held.set(connection, item);
  }

  /** A connection was given back. */
  returns(connection: unknown, outcome: 'done' | 'failed'): void {
    const item = this.#held.get(connection);
    if (item === undefined) return;
    this.#held.delete(connection);
    this.queue.ends(item, outcome);
  }

  /** How many connections there are, how many there may be. Of a pool that is closed none may be. */
  has(connections: number, limit: number): void {
    this.queue.setThreads(connections, this.#isClosed || !Number.isFinite(limit) ? 0 : limit);
  }

  /** No connection is handed out any more. */
  closes(connections: number): void {
    this.#isClosed = true;
    this.has(connections, 0);
  }

  /** All connections are gone, whoever has them. */
  endsAll(): void {
    for (const connection of this.#held.keys()) this.returns(connection, 'done');
    this.closes(0);
  }
}

/** A library's pool, followed from now on if it was not before; `isMade` as for the constructor. */
export function followedPool(
  target: object,
  tracker: QueueTracker,
  kind: Kind,
  library: string,
  isMade = false,
): FollowedPool {
  const known = Hidden.get(target);
  if (known instanceof FollowedPool) return known;
  const made = new FollowedPool(tracker, { kind, library, target, isMade });
  Hidden.set(target, made);
  return made;
}

/** `<library>@<file>:<line>` of a trace: of the program's own file, if there is one in it. */
function nameOf(library: string, trace: Trace | undefined): string {
  const frames = trace === undefined ? [] : framesOf(trace, isNoProgram);
  const site = siteOf(frames, process.cwd());
  return site === '' ? library : `${library}@${site}`;
}

/** Libraries, Node itself and the agent, which is a library or stands in the folder of its sources. */
function isNoProgram(file: string): boolean {
  return (
    file.startsWith('node:') || /[\\/]node_modules[\\/]|queue-patches\.cjs|[\\/]agent[\\/]app-thread[\\/]/.test(file)
  );
}
