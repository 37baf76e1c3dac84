/**
 * The agent's own metrics: what it cost, what it lost, whether it lives.
 *
 * Runs on the agent thread, at collection.
 */
import type { Diag } from '../../diag.ts';
import type { Clock } from '../../shared-memory/clock.ts';
import type { HistogramSnapshot } from '../../shared-memory/histogram.ts';
import { type ControlMemory, HEADER } from '../../shared-memory/layout.ts';
import type { DisabledFeature } from '../settings.ts';
import type { DisabledReason, RecordKind } from '../telemetry/catalog.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';

export interface SelfSettings {
  readonly memory: ControlMemory;
  readonly clock: Clock;
  readonly drainDurations: HistogramSnapshot;
  readonly disabledFeatures: Iterable<DisabledFeature>;
}

/** What is off, and why: said once, and shown as long as it lasts. */
export class DisabledFeatures {
  readonly #diag: Diag;
  readonly #features: DisabledFeature[];

  constructor(diag: Diag, features: readonly DisabledFeature[]) {
    this.#diag = diag;
    this.#features = [...features];
  }

  readonly add = (feature: string, reason: DisabledReason, detail: string): void => {
    if (this.#features.some((known) => known.feature === feature)) return;
    this.#features.push({ feature, reason });
    /* What this kind of machine never has is no news: the metric and `gridwatch doctor` show it. */
    if (reason !== 'unsupported_platform')
      this.#diag.warn(`${feature} is not observed: ${detail}`, { feature, reason });
  };

  [Symbol.iterator](): Iterator<DisabledFeature> {
    return this.#features.values();
  }
}

/** Counts by kind what could not be delivered. */
export class DropCounts {
  readonly #byKind = new Map<RecordKind, number>();

  readonly count = (kind: RecordKind, dropped: number): void => {
    this.#byKind.set(kind, (this.#byKind.get(kind) ?? 0) + dropped);
  };

  [Symbol.iterator](): Iterator<[RecordKind, number]> {
    return this.#byKind.entries();
  }
}

export class AgentSelf implements MetricSource {
  readonly #settings: SelfSettings;
  readonly #drops: DropCounts;
  readonly #startedNs: number;

  constructor(settings: SelfSettings, drops: DropCounts) {
    this.#settings = settings;
    this.#drops = drops;
    this.#startedNs = settings.clock.nowNs();
  }

  collect(sink: MetricSink): void {
    const { memory, clock, drainDurations, disabledFeatures } = this.#settings;
    for (const [kind, dropped] of this.#drops)
      sink.sum('gridwatch.agent.dropped', { 'gridwatch.record.kind': kind }, dropped);
    const threadsDropped = Atomics.load(memory.u32, HEADER.THREADS_DROPPED >> 2);
    if (threadsDropped > 0) sink.sum('gridwatch.agent.dropped', { 'gridwatch.record.kind': 'thread' }, threadsDropped);
    sink.histogram('gridwatch.agent.drain.duration', {}, drainDurations);
    const { user, system } = process.threadCpuUsage();
    sink.sum('gridwatch.agent.cpu.time', {}, (user + system) * 1e3);
    const { heapTotal, external } = process.memoryUsage();
    sink.sum('gridwatch.agent.memory.usage', {}, heapTotal + external);
    sink.sum('gridwatch.agent.restarts', {}, Atomics.load(memory.u32, HEADER.AGENT_RESTARTS >> 2));
    sink.gauge('gridwatch.agent.uptime', {}, clock.nowNs() - this.#startedNs);
    for (const { feature, reason } of disabledFeatures) {
      sink.sum('gridwatch.agent.feature.disabled', { 'gridwatch.feature': feature, 'gridwatch.reason': reason }, 1);
    }
  }
}
