/**
 * The event loop of this thread: how long it was idle, how long its turns held it, and what something due meanwhile had to wait.
 *
 * Runs on application threads. A timer wakes an idle thread, at 0.1 ms of CPU each time, so a quiet loop is only waited for: by an immediate that is
 * unref'd, which Node runs after the next event and for which it does not turn the loop. From then on the loop is watched by a timer, which is as
 * late as the loop is busy, until nothing happens between two of its looks.
 *
 *     quiet --an event--> watched: a look every 20 ms, or 100 ms while mostly idle --nothing since the last look--> quiet
 *
 * A turn in which the thread blocked in `Atomics.wait` is not held against the loop: it was parked.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { HEADER } from '../../shared-memory/layout.ts';
import { LoopWriter } from '../../shared-memory/loop-words.ts';
import type { Recorder } from '../recorder.ts';
import { DelayProbe } from './delay-probe.ts';
import type { Heartbeat } from './heartbeat.ts';

/* The originals: a program's tests may replace the globals by clocks of their own. */
const { setImmediate, clearImmediate, setTimeout, clearTimeout } = globalThis;

const EVENTLOOP = featureBits(['eventloop']);

const BUSY_LOOK_MS = 20;
const LOOK_MS = 100;
/** Less than this between two looks is nothing: our own work takes some of it. */
const QUIET_NS = 1e6;
/** Timers are counted in milliseconds, so one may come a little early. */
const MAX_EARLY_NS = 2e6;
/** A thread that blocks often says so this often. */
const MIN_WAIT_BEAT_NS = 100e6;

/** What has passed since the last time. */
interface Passed {
  readonly idleNs: number;
  readonly activeNs: number;
  readonly cpuNs: number;
  readonly hasWaited: boolean;
}

export class EventLoopSource {
  readonly #recorder: Recorder;
  readonly #heartbeat: Heartbeat;
  readonly #writer: LoopWriter;
  readonly #delays: DelayProbe;
  #immediate: NodeJS.Immediate | undefined;
  readonly #timers = new Map<number, NodeJS.Timeout>();
  /** When the timer is due; 0 while the loop is quiet. */
  #lookDueNs = 0;
  #isBusy = false;
  #lastNs: number;
  #lastIdleNs = 0;
  #lastWaits = 0;
  #lastCpuNs = 0;
  #beatNs = 0;
  /** The program has started: what it did before its first turn is no turn. */
  #hasBegun = false;
  #isSwitchedOff = false;

  constructor(recorder: Recorder, heartbeat: Heartbeat) {
    this.#recorder = recorder;
    this.#heartbeat = heartbeat;
    this.#writer = new LoopWriter(recorder.memory, recorder.claim.slot);
    this.#delays = new DelayProbe((delayNs, weight) => this.#writer.delay(delayNs, weight));
    this.#lastNs = recorder.clock.nowNs();
    this.#writer.start(this.#lastNs);
    this.#publish(this.#lastNs, 0);
    this.#waitForEvent();
    heartbeat.add((nowNs) => this.#onHeartbeat(nowNs));
  }

  /** The thread is about to block: what it has spent so far is told now, for it may not turn its loop for long. */
  beforeWait(nowNs: number): void {
    if (nowNs - this.#beatNs >= MIN_WAIT_BEAT_NS) this.tell(nowNs);
  }

  /** Says how the time was spent up to now. */
  tell(nowNs: number): void {
    this.#guard(() => this.#publish(nowNs, loopIdleNs()));
  }

  stop(): void {
    clearImmediate(this.#immediate);
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  /** What throws here would be the program's uncaught error: the loop is then followed no more, and nothing is told of it. */
  #guard(step: () => void): void {
    try {
      step();
    } catch {
      this.stop();
      this.#writer.start(0);
    }
  }

  #waitForEvent(): void {
    this.#lookDueNs = 0;
    this.#isSwitchedOff = this.#recorder.isOff(EVENTLOOP);
    if (this.#isSwitchedOff) return;
    this.#immediate = setImmediate(this.#onEvent);
    this.#immediate.unref();
  }

  #lookLater(nowNs: number): void {
    const delayMs = this.#isBusy ? BUSY_LOOK_MS : LOOK_MS;
    this.#lookDueNs = nowNs + delayMs * 1e6;
    const timer = this.#timers.get(delayMs);
    if (timer === undefined) this.#timers.set(delayMs, setTimeout(this.#onLook, delayMs).unref());
    else timer.refresh();
  }

  /** The heartbeat is no event. */
  #onHeartbeat(nowNs: number): void {
    if (this.#isSwitchedOff) {
      this.#hasBegun = false;
      this.#waitForEvent();
    } else this.tell(nowNs);
  }

  /** The first event of a quiet loop has been dealt with, just now: the turn began with it, because timers come after this. */
  readonly #onEvent = (): void =>
    this.#guard(() => {
      const nowNs = this.#recorder.clock.nowNs();
      const { idleNs, activeNs, cpuNs, hasWaited } = this.#take(nowNs);
      const isTurn = this.#hasBegun && !hasWaited;
      if (isTurn) {
        this.#delays.idle(idleNs);
        this.#delays.active(activeNs);
        this.#reportIfBlocked(nowNs, activeNs, cpuNs);
      }
      this.#isBusy = this.#hasBegun && activeNs > QUIET_NS * BUSY_LOOK_MS;
      const isHeartbeat = isTurn && activeNs < QUIET_NS && nowNs >= this.#heartbeat.dueNs - MAX_EARLY_NS;
      if (isHeartbeat) this.#waitForEvent();
      else this.#lookLater(nowNs);
      this.#hasBegun = true;
      this.#publish(nowNs, this.#lastIdleNs);
    });

  /** How late the timer is, is how long something due at its time had to wait. */
  readonly #onLook = (): void =>
    this.#guard(() => {
      const nowNs = this.#recorder.clock.nowNs();
      const lateNs = Math.max(0, nowNs - this.#lookDueNs);
      const { idleNs, activeNs, cpuNs, hasWaited } = this.#take(nowNs);
      if (!hasWaited) {
        this.#delays.idle(idleNs);
        this.#delays.late(lateNs);
        /* Between two looks at a busy loop there may be many turns; the one that the timer was late for began before it was due. */
        this.#reportIfBlocked(nowNs, this.#isBusy ? lateNs : activeNs, cpuNs);
      }
      this.#isBusy = activeNs > idleNs;
      if (activeNs < QUIET_NS) this.#waitForEvent();
      else this.#lookLater(nowNs);
      this.#publish(nowNs, this.#lastIdleNs);
    });

  #take(nowNs: number): Passed {
    const totalIdleNs = loopIdleNs();
    const totalCpuNs = threadCpuNs();
    const { waits } = this.#recorder.waitWord;
    const idleNs = Math.max(0, totalIdleNs - this.#lastIdleNs);
    const activeNs = Math.max(0, nowNs - this.#lastNs - idleNs);
    const passed = { idleNs, activeNs, cpuNs: totalCpuNs - this.#lastCpuNs, hasWaited: waits !== this.#lastWaits };
    this.#lastNs = nowNs;
    this.#lastIdleNs = totalIdleNs;
    this.#lastCpuNs = totalCpuNs;
    this.#lastWaits = waits;
    return passed;
  }

  /** A turn that long is told of when the thread was on the CPU for as long, and for most of it. */
  #reportIfBlocked(nowNs: number, durationNs: number, passedCpuNs: number): void {
    const thresholdNs = this.#recorder.memory.f64[HEADER.LOOP_THRESHOLD_NS >> 3] as number;
    const cpuNs = Math.min(passedCpuNs, durationNs);
    if (cpuNs < thresholdNs || cpuNs * 2 < durationNs || cpuNs === 0) return;
    this.#recorder.recordLoopBlocked(nowNs - durationNs, durationNs, cpuNs / 1e3);
  }

  #publish(nowNs: number, idleNs: number): void {
    this.#beatNs = nowNs;
    const dueNs = this.#lookDueNs > 0 ? this.#lookDueNs : this.#heartbeat.dueNs;
    this.#writer.beat(nowNs, idleNs, this.#recorder.waitWord.parkedNs, Math.max(nowNs, dueNs));
  }
}

let timing: { readonly idleTime: number } | undefined;

/** What libuv has counted since the loop began. The module takes a millisecond to load: it is first asked for when the program has started. */
function loopIdleNs(): number {
  timing ??= process.getBuiltinModule('node:perf_hooks').performance.nodeTiming;
  return timing.idleTime * 1e6;
}

function threadCpuNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1e3;
}
