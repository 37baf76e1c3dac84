/**
 * Long pauses of garbage collection that no request has claimed so far. A request is told of when it ends, so one that is still going on may claim a
 * pause later: until then, or for ten seconds, the pause waits here, and is shown by itself only if nobody came.
 *
 * Runs on the agent thread. It holds pauses that are long enough to be shown by themselves, which are few, and never more than its bound.
 */
import type { SlotClaim } from '../shared-memory/registry.ts';
import type { SpanRecord } from './telemetry/spans.ts';

const WAIT_NS = 10e9;
const MAX_WAITING = 1024;

export class UnclaimedPauses {
  readonly #release: (pause: SpanRecord) => void;
  /** The oldest first. */
  readonly #waiting = new Map<string, SpanRecord>();

  constructor(release: (pause: SpanRecord) => void) {
    this.#release = release;
  }

  add(thread: SlotClaim, pause: SpanRecord): void {
    this.#waiting.set(keyOf(thread, pause.startNs), pause);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MAX_WAITING) return;
      this.#releaseOne(oldest);
    }
  }

  /** A request has claimed the pause of this thread that began then. */
  claim(thread: SlotClaim, startNs: number): void {
    this.#waiting.delete(keyOf(thread, startNs));
  }

  /** Lets go of those that have waited long enough. */
  tick(nowNs: number): void {
    for (const [key, pause] of this.#waiting) if (nowNs - pause.endNs >= WAIT_NS) this.#releaseOne(key);
  }

  flush(): void {
    for (const key of this.#waiting.keys()) this.#releaseOne(key);
  }

  #releaseOne(key: string): void {
    const pause = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (pause !== undefined) this.#release(pause);
  }
}

function keyOf({ slot, generation }: SlotClaim, startNs: number): string {
  return `${slot}/${generation}/${startNs}`;
}
