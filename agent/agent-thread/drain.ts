/**
 * The agent thread's heartbeat: empties the rings when the doorbell rings and at every poll, samples the threads, and answers flushes.
 *
 * Runs on the agent thread. It must keep its event loop free: nothing here blocks, and one drain of full rings takes milliseconds.
 */

import type { Clock } from '../shared-memory/clock.ts';
import { answer, untilRung } from '../shared-memory/doorbell.ts';
import { HistogramTotal } from '../shared-memory/histogram.ts';
import { type ControlMemory, HEADER } from '../shared-memory/layout.ts';

/** A record waits at most this long for its drain when nobody rings; the doorbell makes it sooner. */
const POLL_INTERVAL_MS = 100;
/** Every so many polls the clock's anchor is held against the wall clock: 10 s. */
const POLLS_PER_ANCHOR = 100;
/**
 * Turns of the event loop before a flush, which let in what threads have sent before they asked for it: the notice of a worker, the notices of
 * that worker's own workers and their ends, one turn a level. Eight idle turns take microseconds, and workers are not nested deeper than six.
 */
const TURNS_BEFORE_FLUSH = 8;

/** A burst is on when one drain finds this many: a thread that records 100 000 a second publishes them in a turn of this loop. */
const BUSY_RECORDS = 64;

export interface DrainSteps {
  /** Empties what application threads have published; returns the number of records. */
  readonly drain: (nowNs: number) => number;
  /** Reads what the kernel knows. Called at every poll, not at every doorbell. */
  readonly sample: (nowNs: number) => void;
  /** Delivers all that was drained and sampled. Never rejects. */
  readonly flush: () => Promise<void>;
}

export class Drain {
  /** How long each drain took that found records. */
  readonly durations: HistogramTotal = new HistogramTotal('waits');
  readonly #memory: ControlMemory;
  readonly #clock: Clock;
  readonly #steps: DrainSteps;
  #polls = 0;
  #isFlushing = false;

  constructor(memory: ControlMemory, clock: Clock, steps: DrainSteps) {
    this.#memory = memory;
    this.#clock = clock;
    this.#steps = steps;
  }

  start(): void {
    setInterval(() => this.#poll(), POLL_INTERVAL_MS);
    this.#poll();
    this.#listen();
  }

  /**
   * Drains at each doorbell, until the thread ends. The bell is answered before the drain and not after it, so one that rings while the drain runs
   * is heard by the next. After a drain that found many records the next one follows at once: waiting for the bell would cost a wake-up each time.
   */
  #listen(isBusy = false): void {
    const rung = isBusy ? undefined : untilRung(this.#memory);
    void (rung ?? new Promise<void>((resolve) => setImmediate(resolve))).then(() => {
      answer(this.#memory);
      this.#listen(this.#drainAll() >= BUSY_RECORDS);
    });
  }

  #poll(): void {
    if (this.#polls++ % POLLS_PER_ANCHOR === 0) this.#clock.reanchor();
    /* A thread that died between its ring and its wake-up has left a bell that nobody rings again. */
    answer(this.#memory);
    this.#drainAll();
    this.#steps.sample(this.#clock.nowNs());
  }

  #drainAll(): number {
    const beganNs = this.#clock.nowNs();
    const records = this.#steps.drain(beganNs);
    if (records > 0) this.durations.record(this.#clock.nowNs() - beganNs);
    void this.#answerFlush();
    return records;
  }

  /** One flush at a time; what is asked for meanwhile is answered by the next one, so that everything recorded before a request is in. */
  async #answerFlush(): Promise<void> {
    if (this.#isFlushing) return;
    const { i32 } = this.#memory;
    const requested = Atomics.load(i32, HEADER.FLUSH_REQUESTED >> 2);
    if (requested === Atomics.load(i32, HEADER.FLUSH_DONE >> 2)) return;
    this.#isFlushing = true;
    for (let turn = 0; turn < TURNS_BEFORE_FLUSH; turn++) await new Promise((resolve) => setImmediate(resolve));
    const nowNs = this.#clock.nowNs();
    this.#steps.drain(nowNs);
    this.#steps.sample(nowNs);
    await this.#steps.flush();
    this.#isFlushing = false;
    Atomics.store(i32, HEADER.FLUSH_DONE >> 2, requested);
    Atomics.notify(i32, HEADER.FLUSH_DONE >> 2);
    void this.#answerFlush();
  }
}
