/**
 * What a thread says of its event loop: a beat whenever it looks at it, with the time the loop has spent idle so far, and the delays it saw.
 *
 * The thread itself writes; the agent thread reads.
 *
 * Two beats and a number, as in `wait-word.ts`: the published beat is `number & 1`, the writer fills the other one and then stores number + 1. A beat
 * is published at most every few milliseconds, so a reader has read one whole beat when it saw the same number before and after.
 *
 *     a beat   4 x Float64: when, loop idle so far, parked so far, when the next one is due (0 = after the next event)
 *
 * The delays are a histogram, and the words a histogram cannot give: least, greatest and sum of squares of one window. The agent thread asks for a new
 * window by its number; the thread begins it with its next delay.
 */
import { HistogramReader, HistogramTotal, HistogramWriter } from './histogram.ts';
import { type ControlMemory, LOOP_BEAT_BYTES, SLOT } from './layout.ts';

/** All in ns; the sums begin with the thread. */
export interface LoopBeat {
  readonly number: number;
  readonly startedNs: number;
  readonly atNs: number;
  readonly idleNs: number;
  readonly parkedNs: number;
  /** Without a beat by then the loop is held up, or its thread is parked. 0: the loop was idle, and there is none before its next event. */
  readonly dueNs: number;
}

export interface DelayExtremes {
  readonly minNs: number;
  readonly maxNs: number;
  /** Sum of squares, in ns². */
  readonly squares: number;
}

/** The writing end, for the thread that owns the slot. */
export class LoopWriter {
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #slotWord: number;
  readonly #beatsAt: number;
  readonly #histogram: HistogramWriter;
  #number = 0;

  constructor(memory: ControlMemory, slot: number) {
    this.#i32 = memory.i32;
    this.#f64 = memory.f64;
    this.#slotWord = memory.slotAt(slot, 0) >> 2;
    this.#beatsAt = memory.slotAt(slot, SLOT.LOOP_BEATS) >> 3;
    this.#histogram = new HistogramWriter('waits', memory.buffer, memory.slotAt(slot, SLOT.DELAY_HISTOGRAM));
  }

  /** To be called before the first beat. */
  start(nowNs: number): void {
    this.#f64[(this.#slotWord + (SLOT.LOOP_STARTED_NS >> 2)) >> 1] = nowNs;
  }

  beat(nowNs: number, idleNs: number, parkedNs: number, dueNs: number): void {
    const number = (this.#number + 1) | 0;
    const at = this.#beatsAt + (number & 1) * (LOOP_BEAT_BYTES >> 3);
    this.#f64[at] = nowNs;
    this.#f64[at + 1] = idleNs;
    this.#f64[at + 2] = parkedNs;
    this.#f64[at + 3] = dueNs;
    Atomics.store(this.#i32, this.#slotWord + (SLOT.LOOP_BEAT >> 2), number);
    this.#number = number;
  }

  delay(delayNs: number): void {
    const i32 = this.#i32;
    const f64 = this.#f64;
    const squaresAt = (this.#slotWord + (SLOT.DELAY_SQUARES >> 2)) >> 1;
    const window = i32[this.#slotWord + (SLOT.DELAY_WINDOW_ASKED >> 2)] as number;
    const isFirst = i32[this.#slotWord + (SLOT.DELAY_WINDOW >> 2)] !== window;
    f64[squaresAt] = (isFirst ? 0 : (f64[squaresAt] as number)) + delayNs * delayNs;
    if (isFirst || delayNs < (f64[squaresAt + 1] as number)) f64[squaresAt + 1] = delayNs;
    if (isFirst || delayNs > (f64[squaresAt + 2] as number)) f64[squaresAt + 2] = delayNs;
    this.#histogram.record(delayNs);
    if (isFirst) i32[this.#slotWord + (SLOT.DELAY_WINDOW >> 2)] = window;
  }
}

const READ_ATTEMPTS = 4;

/** The reading end, on the agent thread. What it finds is validated. */
export class LoopReader {
  readonly #memory: ControlMemory;
  readonly #slot: number;
  readonly #histogram: HistogramReader;
  #window: number;

  constructor(memory: ControlMemory, slot: number) {
    this.#memory = memory;
    this.#slot = slot;
    this.#histogram = new HistogramReader(memory.buffer, memory.slotAt(slot, SLOT.DELAY_HISTOGRAM));
    /* Another agent thread may have read here before. */
    this.#histogram.addNewTo(new HistogramTotal('waits'));
    this.#window = memory.i32[memory.slotAt(slot, SLOT.DELAY_WINDOW_ASKED) >> 2] as number;
    this.#ask();
  }

  /** The newest beat; undefined before the first one, and when it cannot be believed. */
  readBeat(): LoopBeat | undefined {
    const { i32, f64 } = this.#memory;
    const numberAt = this.#memory.slotAt(this.#slot, SLOT.LOOP_BEAT) >> 2;
    const startedNs = f64[this.#memory.slotAt(this.#slot, SLOT.LOOP_STARTED_NS) >> 3] as number;
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      const number = Atomics.load(i32, numberAt);
      if (number === 0) return undefined;
      const at = this.#memory.slotAt(this.#slot, SLOT.LOOP_BEATS + (number & 1) * LOOP_BEAT_BYTES) >> 3;
      const [atNs = 0, idleNs = 0, parkedNs = 0, dueNs = 0] = f64.subarray(at, at + 4);
      if (Atomics.load(i32, numberAt) !== number) continue;
      const isTrue = startedNs > 0 && atNs >= startedNs && idleNs >= 0 && parkedNs >= 0;
      if (!isTrue || !Number.isFinite(dueNs + idleNs + parkedNs) || (dueNs !== 0 && dueNs < atNs)) return undefined;
      return { number, startedNs, atNs, idleNs, parkedNs, dueNs };
    }
    return undefined;
  }

  /** Adds the delays of the window that ends now to `total`, and begins a new one. Undefined when there were none. */
  takeDelays(total: HistogramTotal): DelayExtremes | undefined {
    const { i32, f64 } = this.#memory;
    const isOfWindow = i32[this.#memory.slotAt(this.#slot, SLOT.DELAY_WINDOW) >> 2] === this.#window;
    const at = this.#memory.slotAt(this.#slot, SLOT.DELAY_SQUARES) >> 3;
    const [squares = 0, minNs = 0, maxNs = 0] = f64.subarray(at, at + 3);
    this.#ask();
    const hasNew = this.#histogram.addNewTo(total);
    const isTrue = minNs >= 0 && maxNs >= minNs && squares >= 0 && Number.isFinite(maxNs + squares);
    return isOfWindow && hasNew && isTrue ? { minNs, maxNs, squares } : undefined;
  }

  #ask(): void {
    this.#window = (this.#window + 1) | 0;
    this.#memory.i32[this.#memory.slotAt(this.#slot, SLOT.DELAY_WINDOW_ASKED) >> 2] = this.#window;
  }
}
