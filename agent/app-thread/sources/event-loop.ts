/**
 * The event loop of this thread: how long it was idle, how long its turns held it, and what something due meanwhile had to wait.
 *
 * Runs on application threads, when the loop is looked at (`loop-watch.ts`) and when the thread is about to block. A turn in which the thread blocked in
 * `Atomics.wait` is not held against the loop: it was parked.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { HEADER } from '../../shared-memory/layout.ts';
import { LoopWriter } from '../../shared-memory/loop-words.ts';
import type { Recorder } from '../recorder.ts';
import { DelayProbe } from './delay-probe.ts';
import { type LoopListener, type LoopLook, type LoopWatch, loopIdleNs } from './loop-watch.ts';

const ATOMICS = featureBits(['atomics']);

/** A thread that blocks often says so this often. */
const MIN_WAIT_BEAT_NS = 100e6;

export class EventLoopSource implements LoopListener {
  readonly feature: number = featureBits(['eventloop']);
  readonly #recorder: Recorder;
  readonly #watch: LoopWatch;
  readonly #writer: LoopWriter;
  readonly #delays: DelayProbe;
  #lastCpuNs = 0;
  #beatNs = 0;

  constructor(recorder: Recorder, watch: LoopWatch) {
    this.#recorder = recorder;
    this.#watch = watch;
    this.#writer = new LoopWriter(recorder.memory, recorder.claim.slot);
    this.#delays = new DelayProbe((delayNs) => this.#writer.delay(delayNs));
    const nowNs = recorder.clock.nowNs();
    this.#writer.start(nowNs);
    this.#publish(nowNs, 0, nowNs);
    watch.add(this);
  }

  looked(look: LoopLook): void {
    const { nowNs, idleNs, totalIdleNs, activeNs, lateNs, turnNs, isUnsure, nextDueNs } = look;
    const cpuNs = threadCpuNs();
    if (!isUnsure) {
      this.#delays.idle(idleNs);
      if (lateNs === undefined) this.#delays.active(activeNs);
      else this.#delays.late(lateNs);
      if (turnNs !== undefined)
        this.#reportIfBlocked(turnNs, Math.min(activeNs, nowNs - turnNs), cpuNs - this.#lastCpuNs);
    }
    this.#lastCpuNs = cpuNs;
    this.#publish(nowNs, totalIdleNs, nextDueNs);
  }

  /** What is not known any more is not told. */
  failed(): void {
    this.#writer.start(0);
  }

  /** The thread is about to block: what it has spent so far is told now, for it may not turn its loop for long. */
  beforeWait(nowNs: number): void {
    if (nowNs - this.#beatNs < MIN_WAIT_BEAT_NS || this.#recorder.isOff(this.feature)) return;
    try {
      this.tell(nowNs);
    } catch {
      this.failed();
    }
  }

  /** Says in the middle of a turn how the time was spent up to now. */
  tell(nowNs: number): void {
    this.#publish(nowNs, loopIdleNs(), Math.max(nowNs, this.#watch.dueNs));
  }

  /** A turn is told of when the thread was on the CPU for long in it; where waits go unseen it may have been parked, so for most of it. */
  #reportIfBlocked(startNs: number, durationNs: number, passedCpuNs: number): void {
    const thresholdNs = this.#recorder.memory.f64[HEADER.LOOP_THRESHOLD_NS >> 3] as number;
    const cpuNs = Math.min(passedCpuNs, durationNs);
    const mayHaveParked = this.#recorder.isOff(ATOMICS) && cpuNs * 2 < durationNs;
    if (cpuNs < thresholdNs || cpuNs === 0 || mayHaveParked) return;
    this.#recorder.recordLoopBlocked(startNs, durationNs, cpuNs / 1e3);
  }

  #publish(nowNs: number, idleNs: number, dueNs: number): void {
    this.#beatNs = nowNs;
    this.#writer.beat(nowNs, idleNs, this.#recorder.waitWord.parkedNs, dueNs);
  }
}

function threadCpuNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1e3;
}
