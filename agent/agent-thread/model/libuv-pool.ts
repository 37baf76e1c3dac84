/**
 * The thread pool of libuv, which all threads of the process share: files, DNS look-ups, compression and much of `crypto` run there.
 *
 * Runs on the agent thread, and so costs the program's threads nothing: who works there the kernel tells (`HelperThreads`), and how long something waits there is
 * sampled by a probe of its own, an `fstat` once a second. There is never more than one probe, so a pool that is stuck is left alone; it must
 * never start the pool in a program that does not use it, nor keep anything alive.
 *
 * How many items wait nobody can know, so no size is told. A probe that has not come back says how old the oldest item is at least.
 */
import { HistogramTotal } from '../../shared-memory/histogram.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import type { HelperThreads } from './helper-threads.ts';
import { PoolUse } from './pool-use.ts';

const PROBE_INTERVAL_NS = 1e9;
const QUEUE = { 'gridwatch.queue.name': 'libuv', 'gridwatch.queue.kind': 'libuv' } as const;
/** What a thread of the pool does when there is nothing to do: it waits at a condition. */
const RESTING = ['parked', 'unknown'] as const;

export interface LibuvPoolSettings {
  /** The threads of the pool as the kernel shows them. */
  readonly helpers: Pick<HelperThreads, 'count' | 'busy' | 'usage'>;
  /** Does next to nothing on a thread of the pool, and then calls back. */
  readonly probe: (done: () => void) => void;
  /** For how long the agent thread's event loop has waited for something to do. */
  readonly idleTimeMs: () => number;
  readonly nowNs: () => number;
}

export class LibuvPool implements MetricSource {
  readonly #settings: LibuvPoolSettings;
  readonly #waits = new HistogramTotal('waits');
  readonly #use = new PoolUse();
  /** When the probe that is under way was sent; 0 without one. */
  #sentNs = 0;
  #nextNs = 0;

  constructor(settings: LibuvPoolSettings) {
    this.#settings = settings;
  }

  /** To be called a few times a second. */
  tick(nowNs: number): void {
    const { helpers, probe, idleTimeMs } = this.#settings;
    if (this.#sentNs !== 0 || nowNs < this.#nextNs || helpers.count('libuv') === 0) return;
    this.#sentNs = nowNs;
    this.#nextNs = nowNs + PROBE_INTERVAL_NS;
    const beforeMs = idleTimeMs();
    probe(() => {
      this.#sentNs = 0;
      /* While this thread did something of its own it could not hear of the answer, so only its idle time counts. */
      this.#waits.record(Math.max(0, (idleTimeMs() - beforeMs) * 1e6));
    });
  }

  collect(sink: MetricSink): void {
    const { helpers, nowNs } = this.#settings;
    const count = helpers.count('libuv');
    if (count === 0) return;
    const atNs = nowNs();
    const usage = helpers.usage('libuv');
    const total = usage.stateNs.reduce((sum, ns) => sum + ns, 0);
    this.#use.reset();
    this.#use.has(helpers.busy('libuv'), count, count);
    this.#use.busyNs = RESTING.reduce((left, state) => left - usage.of(state), total);
    this.#use.emit(sink, QUEUE, true, atNs);
    sink.histogram('gridwatch.queue.wait.duration', QUEUE, this.#waits);
    sink.gauge('gridwatch.queue.oldest_item.age', QUEUE, this.#sentNs === 0 ? 0 : Math.max(0, atNs - this.#sentNs));
  }
}
