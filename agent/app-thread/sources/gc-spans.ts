/**
 * Ties pauses of garbage collection to the requests they held up: the local root spans whose time on this thread they overlapped.
 *
 * Runs on application threads. Node tells of a pause a turn of the event loop or two later, so a root that it held up has ended before, or ends after:
 * the last ones of both are kept, and each pair is found when its later half comes in. A pause that no ended root claims is a record of its own at
 * once; should a root claim it later, the agent thread takes that for the same pause. Times here are milliseconds of the epoch, as the spans have them.
 */
import type { Recorder } from '../recorder.ts';
import { type SpanContext, validIds } from '../trace-context.ts';

/** Pauses past the threshold that a root may still claim. A root that lives through more of them has those. */
const MAX_PAUSES = 512;
/** Roots that may have ended between a pause and its delivery. */
const MAX_ROOTS = 256;
/** The SDKs' resolution of a span's start. A pause that was shared for less did not hold the request up. */
const MIN_OVERLAP_MS = 1;
const SAMPLED = 1;

export interface GcPause {
  readonly type: number;
  readonly startNs: number;
  readonly durationNs: number;
  readonly startMs: number;
}

class Pause {
  readonly given: GcPause;
  readonly endMs: number;
  readonly minOverlapMs: number;
  /** One request that is not sampled stands for all: their spans are never seen, and the pause is counted once. */
  hasUnsampled = false;

  constructor(given: GcPause) {
    const durationMs = given.durationNs / 1e6;
    this.given = given;
    this.endMs = given.startMs + durationMs;
    this.minOverlapMs = Math.min(MIN_OVERLAP_MS, durationMs / 2);
  }

  overlaps(startMs: number, endMs: number): boolean {
    return Math.min(endMs, this.endMs) - Math.max(startMs, this.given.startMs) >= this.minOverlapMs;
  }
}

export class GcSpans {
  readonly #recorder: Recorder;
  /** The newest last. */
  readonly #pauses: Pause[] = [];
  #newestPauseMs = 0;
  readonly #rootContexts = new Array<SpanContext | undefined>(MAX_ROOTS);
  readonly #rootStartsMs = new Float64Array(MAX_ROOTS);
  readonly #rootEndsMs = new Float64Array(MAX_ROOTS);
  #roots = 0;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** A pause past the threshold. */
  add(given: GcPause): void {
    const pause = new Pause(given);
    let isClaimed = false;
    for (let at = 0; at < MAX_ROOTS; at++) {
      if (!pause.overlaps(this.#rootStartsMs[at] as number, this.#rootEndsMs[at] as number)) continue;
      if (this.#claim(pause, this.#rootContexts[at])) isClaimed = true;
    }
    if (!isClaimed) this.#recorder.recordGc(given.type, given.startNs, given.durationNs, undefined);
    this.#pauses.push(pause);
    if (this.#pauses.length > MAX_PAUSES) this.#pauses.shift();
    this.#newestPauseMs = Math.max(this.#newestPauseMs, pause.endMs);
  }

  /** A local root span has ended. Called for each of them: nearly always there is no pause since it began. */
  readonly rootEnded = (context: SpanContext, startMs: number, endMs: number): void => {
    const at = this.#roots++ % MAX_ROOTS;
    this.#rootContexts[at] = context;
    this.#rootStartsMs[at] = startMs;
    this.#rootEndsMs[at] = endMs;
    if (startMs >= this.#newestPauseMs) return;
    for (let i = this.#pauses.length - 1; i >= 0; i--) {
      const pause = this.#pauses[i] as Pause;
      if (pause.endMs <= startMs) return;
      if (pause.overlaps(startMs, endMs)) this.#claim(pause, context);
    }
  };

  #claim(pause: Pause, context: SpanContext | undefined): boolean {
    const ids = validIds(context);
    if (ids === undefined) return false;
    if ((ids.traceFlags & SAMPLED) === 0) {
      if (pause.hasUnsampled) return true;
      pause.hasUnsampled = true;
    }
    const { type, startNs, durationNs } = pause.given;
    this.#recorder.recordGc(type, startNs, durationNs, ids);
    return true;
  }
}
