/**
 * The event loops of all threads, and what they have in common by name.
 *
 * Runs on the agent thread: `look` at every poll, `collect` when a reader wants the numbers.
 */
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { EventLoop, type EventLoopSettings, type ThreadCpu } from './event-loop.ts';
import { NameTotals } from './name-totals.ts';

export interface EventLoopsSettings extends EventLoopSettings {
  readonly nowNs: () => number;
}

export class EventLoops implements MetricSource {
  readonly #settings: EventLoopsSettings;
  readonly #live = new Set<EventLoop>();
  readonly #totals = new NameTotals(2);

  constructor(settings: EventLoopsSettings) {
    this.#settings = settings;
  }

  /** A thread of this name has the slot. */
  open(slot: number, name: string, cpu: ThreadCpu): EventLoop {
    const loop = new EventLoop(this.#settings, slot, name, cpu, this.#totals.take(name));
    this.#live.add(loop);
    return loop;
  }

  /** Reads a last time, before the slot is given back. */
  close(loop: EventLoop, endedNs: number): void {
    loop.update(endedNs);
    this.#live.delete(loop);
    this.#totals.giveBack(loop.name);
  }

  look(): void {
    for (const loop of this.#live) loop.look();
  }

  collect(sink: MetricSink): void {
    const nowNs = this.#settings.nowNs();
    for (const loop of this.#live) {
      loop.update(nowNs);
      collectGauges(sink, loop);
    }
    for (const [name, [activeNs = 0, idleNs = 0]] of this.#totals.tell()) {
      if (activeNs + idleNs === 0) continue;
      sink.sum('nodejs.eventloop.time', { 'thread.name': name, 'nodejs.eventloop.state': 'active' }, activeNs);
      sink.sum('nodejs.eventloop.time', { 'thread.name': name, 'nodejs.eventloop.state': 'idle' }, idleNs);
    }
  }
}

function collectGauges(sink: MetricSink, { name, utilization, delays }: EventLoop): void {
  const thread = { 'thread.name': name };
  if (utilization !== undefined) sink.gauge('nodejs.eventloop.utilization', thread, utilization);
  if (delays === undefined) return;
  sink.gauge('nodejs.eventloop.delay.min', thread, delays.min);
  sink.gauge('nodejs.eventloop.delay.max', thread, delays.max);
  sink.gauge('nodejs.eventloop.delay.mean', thread, delays.mean);
  sink.gauge('nodejs.eventloop.delay.stddev', thread, delays.stddev);
  sink.gauge('nodejs.eventloop.delay.p50', thread, delays.p50);
  sink.gauge('nodejs.eventloop.delay.p90', thread, delays.p90);
  sink.gauge('nodejs.eventloop.delay.p99', thread, delays.p99);
}
