/**
 * Watches the event loop of this thread for the sources that want to be called now and then, and never wakes a loop that has nothing to do.
 *
 * Runs on application threads. Waking an idle thread costs 0.1-0.4 ms of CPU, whatever it is for: a timer in each of 64 idle workers would cost more than
 * the whole agent. So a quiet loop is only waited for, by an immediate that is unref'd: Node runs it after the next event and does not turn the loop
 * for it. An event that was dealt with at once leaves the loop quiet. After any other a timer of ours, unref'd too, looks at the loop until nothing has
 * happened between two looks; and so it does once where timers have woken the loop, because they run after the immediate, unless they have been calm
 * lately: V8 wakes every thread by a timer each 8 s.
 *
 *     quiet --an event that took its time--> watched: a look every 20 ms, or 100 ms while mostly idle
 *     quiet --timers are due--> watched: a look after them
 *     watched --nothing since the last look--> quiet
 */
import type { Recorder } from '../recorder.ts';

/* The originals: a program's tests may replace the globals by clocks of their own. */
const { setImmediate, clearImmediate, setTimeout, clearTimeout } = globalThis;

const BUSY_LOOK_MS = 20;
const LOOK_MS = 100;
/** The shortest there is: a thread that sleeps in between wakes for a tenth of what it costs once its caches are cold. */
const AFTER_TIMERS_MS = 1;
/** A loop that nobody wants to be watched is asked for this often, by a timer that does wake it. */
const SWITCHED_OFF_LOOK_MS = 30_000;
/** Events of a quiet loop that come closer together than this are not waited for one by one: each costs 2 us. */
const MAX_EVENTS_IN_A_ROW = 8;
/** Timers that took no time so often in a row are trusted. */
const MAX_CALM_TIMERS = 3;
/** However short the events are, now and then there is a look: many of them add up. */
const MAX_UNSEEN_NS = 60e9;
/** Less than this is nothing: our own work takes some of it. */
const QUIET_NS = 1e6;

/** What a look found. */
export interface LoopLook {
  readonly nowNs: number;
  /** Idle since the last look or event, and since the loop began. */
  readonly idleNs: number;
  readonly totalIdleNs: number;
  /** The rest of the time since then. */
  readonly activeNs: number;
  /** How late the look is; undefined for the one after the first event of a quiet loop: the active time is then one turn. */
  readonly lateNs: number | undefined;
  /** When the last turn began, at the latest; undefined where it may have been before the loop was idle or after. */
  readonly turnNs: number | undefined;
  /** The thread has blocked in a wait meanwhile, or this is the first look: what passed is no measure of the loop. */
  readonly isUnsure: boolean;
  /** When the next look is due; 0: after the next event. */
  readonly nextDueNs: number;
}

export interface LoopListener {
  /** The bits of its feature. */
  readonly feature: number;
  looked(look: LoopLook): void;
  /** It has thrown, and is called no more. */
  failed(): void;
}

export class LoopWatch {
  readonly #recorder: Recorder;
  #listeners: LoopListener[] = [];
  #immediate: NodeJS.Immediate | undefined;
  readonly #timers = new Map<number, NodeJS.Timeout>();
  #dueNs = 0;
  #isBusy = false;
  #isUnsure = true;
  /** At the last event or look. */
  #lastNs: number;
  #lastIdleNs = 0;
  #lastEvents = 0;
  /** At the last look. */
  #lastLookNs = 0;
  #lastWaits = 0;
  #eventsInARow = 0;
  #rowSinceNs = 0;
  #calmTimers = 0;
  /** After the last event timers ran that nobody has looked after. */
  #hasTrusted = false;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
    this.#lastNs = recorder.clock.nowNs();
  }

  /** When the next look is due; 0 while the loop is quiet, or deals with its first event. */
  get dueNs(): number {
    return this.#dueNs;
  }

  add(listener: LoopListener): void {
    this.#listeners.push(listener);
    if (this.#listeners.length === 1) this.#waitForEvent();
  }

  stop(): void {
    this.#listeners = [];
    clearImmediate(this.#immediate);
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #waitForEvent(): void {
    this.#dueNs = 0;
    this.#immediate = setImmediate(this.#onEvent);
    this.#immediate.unref();
  }

  #lookIn(delayMs: number, nowNs: number): void {
    this.#dueNs = nowNs + delayMs * 1e6;
    const timer = this.#timers.get(delayMs);
    if (timer === undefined) this.#timers.set(delayMs, setTimeout(this.#onTimer, delayMs).unref());
    else timer.refresh();
  }

  /** An event of a quiet loop has been dealt with, just now: the turn began with it, because timers come after this. */
  readonly #onEvent = (): void => {
    try {
      const nowNs = this.#recorder.clock.nowNs();
      const totalIdleNs = loopIdleNs();
      const { events } = timing().uvMetricsInfo;
      /* Without an event it is a timer that has woken the loop, and it is about to run. */
      const isTimerDue = events === this.#lastEvents;
      const idleNs = totalIdleNs - this.#lastIdleNs;
      const activeNs = nowNs - this.#lastNs - idleNs;
      const isCalm = activeNs < QUIET_NS && nowNs - this.#lastLookNs < MAX_UNSEEN_NS;
      /* Timers that were trusted took no time so often that what was active now is taken to be this turn. */
      const turnNs = this.#hasTrusted && isTimerDue ? this.#lastNs : nowNs - activeNs;
      this.#lastNs = nowNs;
      this.#lastIdleNs = totalIdleNs;
      this.#lastEvents = events;
      this.#hasTrusted = isCalm && isTimerDue && this.#calmTimers >= MAX_CALM_TIMERS;
      const isDense = this.#isDense(nowNs);
      if (isCalm && !isDense && (!isTimerDue || this.#hasTrusted)) {
        this.#waitForEvent();
        return;
      }
      this.#isBusy = activeNs > BUSY_LOOK_MS * 1e6;
      if (!isCalm) this.#calmTimers = 0;
      const nextMs = isCalm && !isDense ? AFTER_TIMERS_MS : this.#nextLookMs;
      this.#look({ nowNs, idleNs, totalIdleNs, activeNs, lateNs: undefined, turnNs }, nextMs);
    } catch {
      this.#fail();
    }
  };

  #isDense(nowNs: number): boolean {
    if (nowNs - this.#rowSinceNs > BUSY_LOOK_MS * 1e6) {
      this.#rowSinceNs = nowNs;
      this.#eventsInARow = 0;
    }
    return ++this.#eventsInARow > MAX_EVENTS_IN_A_ROW;
  }

  get #nextLookMs(): number {
    return this.#isBusy ? BUSY_LOOK_MS : LOOK_MS;
  }

  readonly #onTimer = (): void => {
    try {
      const nowNs = this.#recorder.clock.nowNs();
      const totalIdleNs = loopIdleNs();
      const idleNs = totalIdleNs - this.#lastIdleNs;
      const activeNs = nowNs - this.#lastNs - idleNs;
      const isCalm = activeNs < QUIET_NS;
      this.#calmTimers = isCalm ? this.#calmTimers + 1 : 0;
      const wasBusy = this.#isBusy;
      this.#isBusy = activeNs > idleNs;
      const lateNs = Math.max(0, nowNs - this.#dueNs);
      const turnNs = wasBusy ? nowNs - lateNs : nowNs - activeNs;
      this.#lastNs = nowNs;
      this.#lastIdleNs = totalIdleNs;
      this.#lastEvents = timing().uvMetricsInfo.events;
      this.#look({ nowNs, idleNs, totalIdleNs, activeNs, lateNs, turnNs }, isCalm ? 0 : this.#nextLookMs);
    } catch {
      this.#fail();
    }
  };

  /** `nextMs`: when to look again; 0: after the next event. */
  #look(found: Omit<LoopLook, 'isUnsure' | 'nextDueNs'>, nextMs: number): void {
    const recorder = this.#recorder;
    const { waits } = recorder.waitWord;
    const isUnsure = this.#isUnsure || waits !== this.#lastWaits;
    this.#lastLookNs = found.nowNs;
    this.#lastWaits = waits;
    this.#isUnsure = this.#listeners.every(({ feature }) => recorder.isOff(feature));
    if (this.#isUnsure) this.#lookIn(SWITCHED_OFF_LOOK_MS, found.nowNs);
    else if (nextMs === 0) this.#waitForEvent();
    else this.#lookIn(nextMs, found.nowNs);
    const look = { ...found, isUnsure, nextDueNs: this.#dueNs };
    for (const listener of this.#listeners) if (!recorder.isOff(listener.feature)) listener.looked(look);
  }

  /** What was thrown would have been the program's uncaught error. */
  #fail(): void {
    for (const listener of this.#listeners) listener.failed();
    this.stop();
  }
}

type Timing = typeof performance.nodeTiming;

let nodeTiming: Timing | undefined;

/** The module takes a millisecond to load: it is first asked for when the program has started. */
function timing(): Timing {
  return (nodeTiming ??= process.getBuiltinModule('node:perf_hooks').performance.nodeTiming);
}

/** What libuv has counted since the loop began. */
export function loopIdleNs(): number {
  return timing().idleTime * 1e6;
}
