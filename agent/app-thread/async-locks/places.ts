/**
 * Where in the program locks are made and asked for: traces are taken as often as is affordable, and looked at only when somebody wants to know.
 *
 * Runs on application threads. To take a trace costs a microsecond or two, to look at one ten times as much.
 */
import { siteOf, stackOf, type Trace, takeTrace } from '../call-site.ts';
import type { LockObserver } from '../lock-observer.ts';
import { ProgramFrames } from '../program-frames.ts';
import type { Hold, HoldDetails } from './tracked-lock.ts';

/** Traces a thread takes in a second: of requests that are granted at once, of those that wait, and of locks that are made. */
const TRACES_GRANTED = 100;
const TRACES_WAITING = 1000;
const TRACES_MADE = 1000;
/** Stacks that a thread looks up in a second. */
const STACKS = 100;

export class Places {
  readonly #observer: LockObserver;
  readonly #programFrames = new ProgramFrames();
  #granted = TRACES_GRANTED;
  #waiting = TRACES_WAITING;
  #made = TRACES_MADE;
  #stacks = STACKS;

  constructor(observer: LockObserver) {
    this.#observer = observer;
  }

  /** Another second has begun. */
  refill(): void {
    this.#granted = TRACES_GRANTED;
    this.#waiting = TRACES_WAITING;
    this.#made = TRACES_MADE;
    this.#stacks = STACKS;
  }

  /** Where a lock is made. */
  ofMaking(): Trace | undefined {
    return this.#made-- > 0 ? takeTrace() : undefined;
  }

  /** Somebody asks; true when there was time to look. */
  ofRequest(hold: Hold): boolean {
    if (this.#granted <= 0) return false;
    this.#granted--;
    hold.detail().trace = takeTrace();
    return true;
  }

  /** The same of who waits, or makes an order that is to be told. */
  ofWait(hold: Hold): boolean {
    if (hold.details?.trace !== undefined) return true;
    if (this.#waiting <= 0) return false;
    this.#waiting--;
    hold.detail().trace = takeTrace();
    return true;
  }

  /** `<library>@<file>:<line>` of a trace; the frames of the library's own files are not looked at. */
  nameOf(library: string, trace: Trace | undefined): string {
    return this.#programFrames.nameOf(library, trace);
  }

  siteNumber({ details }: Hold): number {
    if (details === undefined) return 0;
    /* A trace is looked at once: where an order is to be told, its stack is wanted later. */
    if (details.siteNumber < 0) this.#look(details, details.orders !== undefined);
    return details.siteNumber;
  }

  /** 0 when no stacks are wanted, too many were, or the place has been looked at without. */
  stackNumber({ details }: Hold): number {
    if (details === undefined) return 0;
    if (details.trace !== undefined) this.#look(details, true);
    return details.stackNumber;
  }

  #look(details: HoldDetails, wantsStack: boolean): void {
    const { trace } = details;
    details.trace = undefined;
    details.siteNumber = 0;
    if (trace === undefined) return;
    const { folder } = this.#programFrames;
    const frames = this.#programFrames.of(trace);
    details.siteNumber = this.#observer.intern(siteOf(frames, folder));
    if (!wantsStack || this.#observer.config.stacks === 'off') return;
    if (this.#stacks-- <= 0 && details.orders === undefined) return;
    details.stackNumber = this.#observer.intern(stackOf(frames, folder));
  }
}
