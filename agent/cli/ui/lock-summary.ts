/**
 * The locks that were waited for in a stretch of a run, the worst first, and who was to blame for the most of it. Runs in the process of
 * `gridwatch run --ui`.
 */
import type { Site } from './window/span-log.ts';
import type { Window } from './window/window.ts';

export interface LockBlameSummary {
  /** Of the thread that held the lock. */
  readonly threadName: string;
  /** Where it took the lock; undefined where that is not known. */
  readonly site: Site | undefined;
  readonly causedS: number;
}

export interface LockSummary {
  readonly name: string;
  readonly waitS: number;
  /** Undefined where no holder is known. */
  readonly worst: LockBlameSummary | undefined;
}

/** Where threads wait for work, or for nobody knows what. */
const FOR_WORK = new Set(['atomics', 'condition', 'barrier']);

/** What the agent calls a place, or a thread, that it does not know or does not tell apart. */
const NO_ONE = new Set(['_OTHER', 'unknown', '']);

export function locksOf(window: Window, fromMs: number, toMs: number): LockSummary[] {
  const waits = new Map<string, number>();
  for (const { attributes, series } of window.all('gridwatch.lock.wait.duration')) {
    if (FOR_WORK.has(attributes['gridwatch.lock.kind'] ?? '')) continue;
    const name = attributes['gridwatch.lock.name'] ?? '';
    waits.set(name, (waits.get(name) ?? 0) + series.increaseS(fromMs, toMs));
  }
  const worst = new Map<string, LockBlameSummary>();
  for (const { attributes, series } of window.all('gridwatch.lock.caused_wait.time')) {
    const name = attributes['gridwatch.lock.name'] ?? '';
    const threadName = attributes['thread.name'] ?? '';
    const causedS = series.increase(fromMs, toMs);
    if (NO_ONE.has(threadName) || causedS <= (worst.get(name)?.causedS ?? 0)) continue;
    worst.set(name, { threadName, site: toSite(attributes['gridwatch.lock.holder.site'] ?? ''), causedS });
  }
  return [...waits]
    .filter(([, waitS]) => waitS > 0)
    .map(([name, waitS]) => ({ name, waitS, worst: worst.get(name) }))
    .toSorted((a, b) => b.waitS - a.waitS);
}

/** A place as the agent writes it, `file:line`; the configuration may also hold a glob. */
export function toSite(text: string): Site | undefined {
  if (NO_ONE.has(text)) return undefined;
  const [, file = text, line] = /^(.+):(\d+)$/.exec(text) ?? [];
  return { file, line: line === undefined ? undefined : Number(line) };
}
