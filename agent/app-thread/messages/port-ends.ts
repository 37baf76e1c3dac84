/**
 * Which end of which channel each port of this thread is: the one place that knows.
 *
 * Runs on application threads. A port that is not found here is left alone: internal ones, those of threads without an agent, those out of sight. It must never
 * throw, nor keep a port alive.
 */

import { type ControlMemory, HEADER } from '../../shared-memory/layout.ts';
import { claimChannel, closeEnd, EndState, isPoisoned, ownerWord, poison } from '../../shared-memory/ledger.ts';
import { type ContextWords, isEmpty, type Posting } from '../../shared-memory/ledger-entries.ts';
import { END, isChannel, type MessageMemory } from '../../shared-memory/message-memory.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';

const NO_PORTS: readonly object[] = [];

/** One port of this thread. */
export class PortEnd implements Posting {
  readonly channel: number;
  readonly end: number;
  /** The direction in which it sends, and that in which it receives: channel << 1 | direction. */
  readonly sends: number;
  readonly receives: number;
  /** Byte offset of its end. */
  readonly at: number;
  /** A message is being posted, of which the next four tell: its serialisation may run code of the program's, which may post another one. */
  isPosting = false;
  postedNs = 0;
  context: ContextWords | undefined = undefined;
  ports: readonly object[] = NO_PORTS;
  readonly senderSlot: number;
  /** How many posts were timed so far. */
  timed = 0;
  /** It is closed, and its channel may be another's by now. */
  isGone = false;

  constructor(memory: MessageMemory, channel: number, end: number, owner: SlotClaim) {
    this.senderSlot = owner.slot + 1;
    this.channel = channel;
    this.end = end;
    this.sends = (channel << 1) | end;
    this.receives = (channel << 1) | (1 - end);
    this.at = memory.endAt(channel, end);
  }
}

/** The number by which entries and tickets name an end; 0 names none. */
export function endNumber({ channel, end }: PortEnd): number {
  return ((channel << 1) | end) + 1;
}

interface Closing {
  readonly end: PortEnd;
  readonly closedMs: number;
}

/** After a port was closed, what was on its way is given so long to arrive after all: a terminated worker's comes with its 'exit'. */
const CLOSING_MS = 10_000;

export class PortEnds {
  readonly memory: MessageMemory;
  readonly claim: SlotClaim;
  readonly #control: ControlMemory;
  readonly #ends = new WeakMap<object, PortEnd>();
  /** Closed with messages on their way, the first that was at the beginning. */
  readonly #closing: Closing[] = [];

  constructor(memory: MessageMemory, control: ControlMemory, claim: SlotClaim) {
    this.memory = memory;
    this.claim = claim;
    this.#control = control;
  }

  /** The end that a port is, unless it is out of sight. */
  find(port: object): PortEnd | undefined {
    const end = this.#ends.get(port);
    if (end === undefined || end.isGone) return undefined;
    if (!isPoisoned(this.memory, end.channel)) return end;
    this.close(port);
    return undefined;
  }

  /** Follows a new channel of this thread's. */
  open(port1: object, port2: object, nameNumber: number): void {
    this.#finish();
    const channel = claimChannel(this.memory, this.claim, { nameNumber });
    if (channel < 0) return this.#countDropped();
    this.#ends.set(port1, new PortEnd(this.memory, channel, 0, this.claim));
    this.#ends.set(port2, new PortEnd(this.memory, channel, 1, this.claim));
  }

  /** Claims a channel for a new worker's own port; the first end is this thread's. */
  openFor(worker: SlotClaim): PortEnd | undefined {
    this.#finish();
    const channel = claimChannel(this.memory, this.claim, { nameNumber: 0, worker });
    if (channel >= 0) return new PortEnd(this.memory, channel, 0, this.claim);
    this.#countDropped();
    return undefined;
  }

  /** This port is that end, which is the caller's. */
  set(port: object, end: PortEnd): void {
    this.#ends.set(port, end);
  }

  /** The same for an end that was given to this thread by its number: if it is really this thread's. */
  adopt(port: object, number: unknown): void {
    const channel = (Number(number) - 1) >> 1;
    if (!isChannel(channel)) return;
    const end = new PortEnd(this.memory, channel, (Number(number) - 1) & 1, this.claim);
    const word = Atomics.load(this.memory.i32, (end.at + END.WORD) >> 2);
    /* What flew here has another count of flights than what was opened for this thread. */
    if ((word & 3) !== EndState.OPEN || (word >>> 2) % 512 !== this.claim.slot) return;
    if ((word ^ ownerWord(this.claim, EndState.OPEN)) >>> 19 === 0) this.#ends.set(port, end);
  }

  /** The port was transferred, and is not this thread's any more. */
  forget(port: object): void {
    this.#ends.delete(port);
  }

  /** The port is not to be followed any more. */
  close(port: object): void {
    const end = this.#ends.get(port);
    if (end === undefined) return;
    this.#ends.delete(port);
    this.#close(end);
  }

  /** Node has closed the port. Of a worker's own port it may deliver what was on its way all the same: once it knows that the thread has ended. */
  closed(port: object): void {
    const end = this.#ends.get(port);
    if (end === undefined) return;
    if (isEmpty(this.memory, end.receives)) this.close(port);
    else this.#closing.push({ end, closedMs: performance.now() });
    this.#finish();
  }

  /** Closes what nothing more has come of. */
  #finish(): void {
    const closing = this.#closing;
    if (closing.length === 0) return;
    const beforeMs = performance.now() - CLOSING_MS;
    while (closing.length > 0 && (closing[0] as Closing).closedMs < beforeMs)
      this.#close((closing.shift() as Closing).end);
  }

  #close(end: PortEnd): void {
    if (end.isGone) return;
    end.isGone = true;
    closeEnd(this.memory, end.at);
  }

  /** The port is on its way to where nobody follows it, or has fallen out of step. */
  lose(port: object): void {
    const end = this.#ends.get(port);
    if (end !== undefined) poison(this.memory, end.channel);
    this.close(port);
  }

  #countDropped(): void {
    Atomics.add(this.#control.i32, HEADER.QUEUES_DROPPED >> 2, 1);
  }
}
