/**
 * What was used under each name, by threads that live and by those that ended.
 *
 * Runs on the agent thread. It must not grow with the number of threads that ever lived, nor lose what a forgotten name has used: of the names
 * nobody bears any more the 128 last ones are kept, and what no reader has been told of the others goes to `_OTHER`.
 */
import { OTHER } from '../telemetry/catalog.ts';
import type { ThreadAccount } from './thread-account.ts';
import { type ThreadRole, ThreadUsage } from './thread-usage.ts';

const MAX_ENDED_NAMES = 128;

export interface NamedUsage {
  readonly name: string;
  readonly role: ThreadRole;
  readonly usage: ThreadUsage;
}

interface Series {
  readonly role: ThreadRole;
  readonly ended: ThreadUsage;
  /** What was told last. */
  told: ThreadUsage;
}

export class ThreadSeries {
  readonly #live = new Map<string, Series>();
  /** In the order in which their last threads ended; `_OTHER` is none of them. */
  readonly #ended = new Map<string, Series>();
  #others: Series | undefined;
  /** What was told under names that are no longer told: part of the sum over all threads, not of any name. */
  readonly forgotten: ThreadUsage = new ThreadUsage();

  /** A thread takes the name. */
  begin(name: string, role: ThreadRole): void {
    const series = name === OTHER ? this.#ofOthers() : (this.#ended.get(name) ?? emptySeries(role));
    this.#ended.delete(name);
    this.#live.set(name, series);
  }

  /** The thread that bore the name has ended. */
  end(name: string, account: ThreadAccount): void {
    const series = this.#live.get(name);
    if (series === undefined) return;
    this.#live.delete(name);
    series.ended.addAccount(account);
    if (name === OTHER) return;
    this.#ended.set(name, series);
    if (this.#ended.size > MAX_ENDED_NAMES) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [name, series] of this.#ended) {
      this.#ended.delete(name);
      const others = this.#ofOthers();
      others.ended.add(series.ended);
      others.ended.add(series.told, -1);
      this.forgotten.add(series.told);
      return;
    }
  }

  /** A thread that bears this very name counts with them. */
  #ofOthers(): Series {
    return (this.#others ??= emptySeries('worker'));
  }

  /** The sums by name as of now. */
  collect(live: Iterable<{ readonly name: string; readonly account: ThreadAccount }>): NamedUsage[] {
    const usages = new Map<string, NamedUsage>();
    const named = new Map([...this.#live, ...this.#ended]);
    if (this.#others !== undefined) named.set(OTHER, this.#others);
    for (const [name, series] of named) {
      series.told = series.ended.copy();
      usages.set(name, { name, role: series.role, usage: series.told });
    }
    for (const { name, account } of live) usages.get(name)?.usage.addAccount(account);
    return [...usages.values()];
  }
}

function emptySeries(role: ThreadRole): Series {
  return { role, ended: new ThreadUsage(), told: new ThreadUsage() };
}
