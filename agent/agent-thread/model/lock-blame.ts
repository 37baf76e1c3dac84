/**
 * Who is to blame for the waits for the locks of one class: the time that others waited, by the holder's thread and the place where it took the lock.
 *
 * Runs on the agent thread. The five worst places keep series of their own, all others share `_OTHER`; a place that has become twice as bad as the
 * least of the five takes its place. Each nanosecond is counted in one series, once, so that their sum is the time that was waited.
 */
import { OTHER } from '../telemetry/catalog.ts';
import type { MetricSink } from '../telemetry/metrics.ts';

const MAX_OWN_SITES = 5;
/** Places that are compared with one another: a lock is taken at few. */
const MAX_SITES = 64;
/** As many as threads have series of their own. */
const MAX_THREADS = 32;
const DISPLACING_FACTOR = 2;
/** A place that is not known. */
const UNKNOWN_SITE = 'unknown';

interface Site {
  /** All that was waited because of it. */
  causedNs: number;
  /** What its own series have counted, by thread; undefined while it shares `_OTHER`. */
  byThread: Map<string, number> | undefined;
}

export class LockBlame {
  readonly #sites = new Map<string, Site>();
  readonly #others = new Map<string, number>();
  readonly #threads = new Set<string>();
  #ownSites = 0;

  /** `threadName` is undefined, `site` empty where they are not known. */
  add(threadName: string | undefined, site: string, waitedNs: number): void {
    if (!(waitedNs > 0) || !Number.isFinite(waitedNs)) return;
    const thread = this.#threadOf(threadName);
    const found = this.#siteOf(site === '' ? UNKNOWN_SITE : site);
    if (found !== undefined) {
      found.causedNs += waitedNs;
      this.#promote(found);
    }
    const counts = found?.byThread ?? this.#others;
    counts.set(thread, (counts.get(thread) ?? 0) + waitedNs);
  }

  #threadOf(name: string | undefined): string {
    if (name === undefined) return OTHER;
    if (!this.#threads.has(name) && this.#threads.size >= MAX_THREADS) return OTHER;
    this.#threads.add(name);
    return name;
  }

  #siteOf(name: string): Site | undefined {
    let site = this.#sites.get(name);
    if (site === undefined && this.#sites.size < MAX_SITES) {
      site = { causedNs: 0, byThread: undefined };
      this.#sites.set(name, site);
    }
    return site;
  }

  #promote(site: Site): void {
    if (site.byThread !== undefined) return;
    if (this.#ownSites >= MAX_OWN_SITES) {
      let least: Site | undefined;
      for (const other of this.#sites.values())
        if (other.byThread !== undefined && (least === undefined || other.causedNs < least.causedNs)) least = other;
      if (least === undefined || site.causedNs < least.causedNs * DISPLACING_FACTOR) return;
      /* Its series end; what they have counted stays counted. */
      least.byThread = undefined;
      this.#ownSites--;
    }
    site.byThread = new Map();
    this.#ownSites++;
  }

  emit(sink: MetricSink, lock: Readonly<Record<string, string>>): void {
    const emit = (site: string, counts: ReadonlyMap<string, number>): void => {
      for (const [thread, causedNs] of counts) {
        const attributes = { ...lock, 'thread.name': thread, 'gridwatch.lock.holder.site': site };
        sink.sum('gridwatch.lock.caused_wait.time', attributes, causedNs);
      }
    };
    for (const [name, { byThread }] of this.#sites) if (byThread !== undefined) emit(name, byThread);
    if (this.#others.size > 0) emit(OTHER, this.#others);
  }
}
