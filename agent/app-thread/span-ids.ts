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

  /** The id of a new span under this parent, or undefined where it has enough. A promised span is always exported. */
  under(parentSpanId: string): string | undefined {
    const count = this.#children.get(parentSpanId) ?? 0;
    if (count >= MAX_CHILDREN) return undefined;
    this.#children.delete(parentSpanId);
    this.#children.set(parentSpanId, count + 1);
    if (this.#children.size > MAX_PARENTS)
      for (const oldest of this.#children.keys()) {
        this.#children.delete(oldest);
        break;
      }
    return newSpanId();
  }
}
