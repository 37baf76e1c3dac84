/**
 * The posting side of the ledger: what is written before and after Node's own `postMessage`.
 *
 * Runs on application threads, at each post. What Node checks, throws and returns stays Node's, and the message is never looked at. It must not throw, nor call
 * Node's function more than once.
 *
 * The entry is published before the post, because the receiver may be faster than the return; it is taken back when the post throws. Serialisation may run a
 * getter of the program's, and what that posts arrives first: then the entry is taken back, and published again behind it.
 */

import { cellOf } from '../../shared-memory/histogram.ts';
import { nextSequence, postEntry, takeBack } from '../../shared-memory/ledger-entries.ts';
import { DIRECTION, type MessageMemory } from '../../shared-memory/message-memory.ts';
import type { Method } from '../replace-method.ts';
import type { OutgoingContext } from './outgoing-context.ts';
import type { PortEnd, PortEnds } from './port-ends.ts';
import { isEmptyList, landAll, launchPorts, loseAll, portsIn } from './transfers.ts';

/** The first posts of a port are all timed, then one in so many, drawn at random: what alternates must not be met at the same beat. */
const ALL_TIMED = 16;
const TIMED_SHARE = 16;

const NO_PORTS: readonly object[] = [];

export interface SendingSettings {
  readonly ends: PortEnds;
  readonly outgoing: OutgoingContext;
  readonly nowNs: () => number;
  /** The feature is switched off for now: only what keeps the ledger in step is done. */
  readonly isOff: () => boolean;
}

export class Sending {
  readonly #ends: PortEnds;
  readonly #memory: MessageMemory;
  readonly #settings: SendingSettings;
  #random: number;

  constructor(settings: SendingSettings) {
    this.#ends = settings.ends;
    this.#memory = settings.ends.memory;
    this.#settings = settings;
    this.#random = (Math.random() * 0x7fffffff) | 1;
  }

  /** Posts by Node's own function. */
  post(port: object, args: unknown[], original: Method): unknown {
    const end = this.#ends.find(port);
    const isPlain = args.length === 1 || (args.length === 2 && isEmptyList(args[1]));
    if (end === undefined || !isPlain || end.isPosting) return this.#postSlow(port, end, args, original);
    const { outgoing, nowNs, isOff } = this.#settings;
    const startNs = isOff() ? 0 : nowNs();
    end.postedNs = startNs;
    end.context = startNs === 0 ? undefined : outgoing.words(startNs);
    postEntry(this.#memory, end.sends, startNs === 0 ? undefined : end, 0);
    end.isPosting = true;
    let result: unknown;
    try {
      /* Spreading the arguments costs as much as all the rest. */
      result = args.length === 1 ? original.call(port, args[0]) : original.call(port, args[0], args[1]);
    } catch (error) {
      end.isPosting = false;
      this.#failed(end, NO_PORTS);
      throw error;
    }
    end.isPosting = false;
    if (startNs !== 0) this.#time(end, startNs);
    return result;
  }

  /** A message with ports, one that another one's getter posts, or a port that is out of sight. */
  #postSlow(port: object, end: PortEnd | undefined, args: unknown[], original: Method): unknown {
    const ports = args.length > 1 ? portsIn(args[1]) : NO_PORTS;
    if (end === undefined) {
      const result = Reflect.apply(original, port, args);
      if (ports.length > 0) loseAll(this.#ends, ports);
      return result;
    }
    if (!end.isPosting) return this.#postWith(port, end, args, ports, original);
    const { postedNs, context, ports: outerPorts } = end;
    takeBack(this.#memory, end.sends);
    end.isPosting = false;
    try {
      return this.#postWith(port, end, args, ports, original);
    } finally {
      Object.assign(end, { postedNs, context, ports: outerPorts });
      this.#publish(end);
      end.isPosting = true;
    }
  }

  #postWith(port: object, end: PortEnd, args: unknown[], ports: readonly object[], original: Method): unknown {
    const { outgoing, nowNs, isOff } = this.#settings;
    const startNs = isOff() ? 0 : nowNs();
    end.postedNs = startNs;
    end.context = startNs === 0 ? undefined : outgoing.words(startNs);
    end.ports = ports;
    this.#publish(end);
    end.isPosting = true;
    let result: unknown;
    try {
      result = Reflect.apply(original, port, args);
    } catch (error) {
      this.#failed(end, ports);
      throw error;
    } finally {
      end.isPosting = false;
      end.ports = NO_PORTS;
    }
    for (const transferred of ports) this.#ends.forget(transferred);
    if (startNs !== 0) this.#time(end, startNs);
    return result;
  }

  /** Counts the message that an end is about to post, with an entry where there is something to say of it. */
  #publish(end: PortEnd): void {
    const { ports, postedNs } = end;
    const sequence = nextSequence(this.#memory, end.sends);
    const firstPort = ports.length === 0 ? 0 : launchPorts(this.#ends, ports, end.sends, sequence);
    const isSilent = postedNs === 0 && firstPort === 0;
    const hasEntry = postEntry(this.#memory, end.sends, isSilent ? undefined : end, firstPort);
    if (hasEntry || firstPort === 0) return;
    /* Nobody will be told which ports these are. They are still this thread's, and lost only to the ledger. */
    landAll(this.#ends, ports);
    loseAll(this.#ends, ports);
  }

  #failed(end: PortEnd, ports: readonly object[]): void {
    const { i32 } = this.#memory;
    takeBack(this.#memory, end.sends);
    if (ports.length > 0) landAll(this.#ends, ports);
    const errorsAt = (this.#memory.directionAt(end.channel, end.end) + DIRECTION.SEND_ERRORS) >> 2;
    i32[errorsAt] = ((i32[errorsAt] as number) + 1) | 0;
  }

  #time(end: PortEnd, startNs: number): void {
    let weight = 1;
    if (end.timed >= ALL_TIMED) {
      this.#random ^= this.#random << 13;
      this.#random ^= this.#random >>> 17;
      this.#random ^= this.#random << 5;
      if ((this.#random & (TIMED_SHARE - 1)) !== 0) return;
      weight = TIMED_SHARE;
    } else end.timed++;
    addTo(this.#memory, this.#memory.serialiseAt(end.channel, end.end), this.#settings.nowNs() - startNs, weight);
  }
}

/** Records a duration in a histogram of message memory, as `HistogramWriter` does, which would be two arrays for each channel. */
export function addTo({ u32, f64 }: MessageMemory, at: number, durationNs: number, weight = 1): void {
  const cell = ((at + 8) >> 2) + cellOf('waits', durationNs);
  u32[cell] = (u32[cell] as number) + weight;
  if (durationNs > 0) f64[at >> 3] = (f64[at >> 3] as number) + durationNs * weight;
}
