/**
 * Ids of spans that the agent thread will export and that the application's spans may be children of before they are.
 *
 * Runs on application threads, once for each task or message of a sampled trace.
 */

/** Random bytes are taken from the system 64 ids at a time: one at a time costs 1 us. */
const POOL_BYTES = 512;
const ID_BYTES = 8;

let pool: Buffer | undefined;
let used = POOL_BYTES;

/** Sixteen hexadecimal digits, never all zero. */
export function newSpanId(): string {
  for (;;) {
    if (pool === undefined || used >= POOL_BYTES) {
      pool ??= Buffer.alloc(POOL_BYTES);
      process.getBuiltinModule('node:crypto').randomFillSync(pool);
      used = 0;
    }
    const id = pool.toString('hex', used, used + ID_BYTES);
    used += ID_BYTES;
    if (id !== '0000000000000000') return id;
  }
}

/** More children than this under one parent hide what the parent was doing (TELEMETRY.md, "Spans"). */
const MAX_CHILDREN = 50;
const MAX_PARENTS = 1024;

/** How many spans each parent was promised on this thread: those beyond the bound must do without one of their own. */
export class PromisedSpans {
  readonly #children = new Map<string, number>();
  readonly #isOff: () => boolean;

  /** `isOff`: whether no spans of the agent leave the process, now. */
  constructor(isOff: () => boolean = () => false) {
    this.#isOff = isOff;
  }

  /** The id of a new span under this parent, or undefined where it has enough. A promised span is always exported. */
  under(parentSpanId: string): string | undefined {
    if (this.#isOff()) return undefined;
    const count = this.#children.get(parentSpanId) ?? 0;
    /* Also one that has enough is one of the last that asked. */
    this.#children.delete(parentSpanId);
    this.#children.set(parentSpanId, Math.min(MAX_CHILDREN, count + 1));
    if (count >= MAX_CHILDREN) return undefined;
    if (this.#children.size > MAX_PARENTS)
      for (const oldest of this.#children.keys()) {
        this.#children.delete(oldest);
        break;
      }
    return newSpanId();
  }
}
