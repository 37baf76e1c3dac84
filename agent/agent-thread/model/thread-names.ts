/**
 * The values of `thread.name`: one for each live thread, and as few as can be over the life of the process.
 *
 * Runs on the agent thread. Names come from shared memory, where a program may scribble: they are cleaned and cut before they go anywhere.
 * How many of them become series of their own is the metrics registry's to decide.
 *
 * Invariants
 * N1  Two live threads never have the same name.
 * N2  A name whose thread has ended is free again and the smallest free number is given first: unnamed workers, however many come one after
 *     the other, need as many names as there were of them at once.
 */
import { OTHER } from '../telemetry/catalog.ts';

/** Names that no worker gets: they are the agent's own, the helper classes' and the registry's. */
const RESERVED: readonly string[] = ['main', 'agent', 'libuv', 'v8', 'other', OTHER];

/** Node's own name for a worker that was given none. */
const NODE_DEFAULT_NAME = 'WorkerThread';

const MAX_NAME_CHARS = 64;

export class ThreadNames {
  readonly #taken = new Set<string>(RESERVED);

  /** Takes a name for a worker. `raw` is what the program called it; '' is no name. */
  take(raw: string): string {
    const own = cleanThreadName(raw);
    const isUnnamed = own === '' || own === NODE_DEFAULT_NAME;
    const name = isUnnamed ? this.#numbered('worker') : this.#taken.has(own) ? this.#numbered(own) : own;
    this.#taken.add(name);
    return name;
  }

  /** The thread has ended. */
  giveBack(name: string): void {
    if (!RESERVED.includes(name)) this.#taken.delete(name);
  }

  #numbered(name: string): string {
    let k = 1;
    while (this.#taken.has(`${name}-${k}`)) k++;
    return `${name}-${k}`;
  }
}

/** A name on one line, without control, formatting and broken characters, and of at most 64. */
export function cleanThreadName(raw: string): string {
  const text = raw
    .slice(0, MAX_NAME_CHARS * 4)
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim();
  const chars = Array.from(text);
  if (chars.length <= MAX_NAME_CHARS) return text;
  return `${chars
    .slice(0, MAX_NAME_CHARS - 1)
    .join('')
    .trimEnd()}…`;
}
