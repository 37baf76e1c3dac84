/**
 * What was used under each name, by threads that live and by those that ended.
 *
 * Runs on the agent thread. It must not lose what a forgotten name has used and no reader was told of.
 */
import { NamesInTurn } from './names-in-turn.ts';
import type { ThreadAccount } from './thread-account.ts';
import { type ThreadRole, ThreadUsage } from './thread-usage.ts';

export interface NamedUsage {
  readonly name: string;
  readonly role: ThreadRole;
  readonly usage: ThreadUsage;
}

interface Series {
  /** Of a name that only the agent and the main thread have, theirs; a worker's otherwise. */
  role: ThreadRole;
  readonly ended: ThreadUsage;
  /** What was told last. */
  told: ThreadUsage;
}

export class ThreadSeries {
  /** What was told under names that are no longer told: part of the sum over all threads, not of any name. */
  readonly forgotten: ThreadUsage = new ThreadUsage();
  readonly #names = new NamesInTurn<Series>({
    create: () => ({ role: 'worker', ended: new ThreadUsage(), told: new ThreadUsage() }),
    leave: ({ ended, told }, others) => {
      others.ended.add(ended);
      others.ended.add(told, -1);
      this.forgotten.add(told);
    },
  });

  /** A thread takes the name. */
  begin(name: string, role: ThreadRole): void {
    this.#names.take(name).role = role;
  }

  /** The thread that bore the name has ended. */
  end(name: string, account: ThreadAccount): void {
    this.#names.of(name)?.ended.addAccount(account);
    this.#names.giveBack(name);
  }

  /** CPU time by name, as of the last samples: what is cheap enough to ask each second. */
  cpuNs(live: Iterable<{ readonly name: string; readonly account: ThreadAccount }>): Map<string, number> {
    const sums = new Map<string, number>();
    for (const [name, { ended }] of this.#names) sums.set(name, ended.userNs + ended.systemNs);
    for (const { name, account } of live) sums.set(name, (sums.get(name) ?? 0) + account.cpuNs);
    return sums;
  }

  /** The sums by name as of now. */
  collect(live: Iterable<{ readonly name: string; readonly account: ThreadAccount }>): NamedUsage[] {
    const usages = new Map<string, NamedUsage>();
    for (const [name, series] of this.#names) {
      series.told = series.ended.copy();
      usages.set(name, { name, role: series.role, usage: series.told });
    }
    for (const { name, account } of live) usages.get(name)?.usage.addAccount(account);
    return [...usages.values()];
  }
}
