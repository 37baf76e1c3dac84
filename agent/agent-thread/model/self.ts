/**
 * The agent's own metrics: what it cost, what it lost, whether it lives.
 *
 * Runs on the agent thread, at collection.
 */
import { readFileSync } from 'node:fs';
import type { Diag } from '../../diag.ts';
import type { Clock } from '../../shared-memory/clock.ts';
import type { HistogramSnapshot } from '../../shared-memory/histogram.ts';
import { type ControlMemory, HEADER } from '../../shared-memory/layout.ts';
import type { DisabledFeature } from '../settings.ts';
import type { DisabledReason, RecordKind } from '../telemetry/catalog.ts';
import type { LogRecord } from '../telemetry/logs.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';

/** What the agent thread has used so far, and holds. */
export interface AgentUsage {
  /** Undefined where neither Node nor the kernel tells. */
  readonly cpuNs: number | undefined;
  readonly memoryBytes: number;
}

/** To be called on the agent thread: it tells of the thread that calls it. */
export function agentUsage(): AgentUsage {
  const { heapTotal, external } = process.memoryUsage();
  return { cpuNs: threadCpuNs(), memoryBytes: heapTotal + external };
}

/** Node has it from 22.16 on; the kernel's figure is the first of the line. */
function threadCpuNs(): number | undefined {
  const { threadCpuUsage } = process as Partial<NodeJS.Process>;
  if (threadCpuUsage !== undefined) {
    const { user, system } = threadCpuUsage();
    return (user + system) * 1e3;
  }
  try {
    return Number.parseInt(readFileSync('/proc/thread-self/schedstat', 'latin1'), 10);
  } catch {
    return undefined;
  }
}

export interface SelfSettings {
  readonly memory: ControlMemory;
  readonly clock: Clock;
  readonly drainDurations: HistogramSnapshot;
  readonly disabledFeatures: Iterable<DisabledFeature & { readonly count?: number }>;
}

type Told = Pick<LogRecord, 'body' | 'attributes' | 'key'>;

function told(feature: string, reason: DisabledReason, body: string): Told {
  return { body, attributes: { 'gridwatch.feature': feature, 'gridwatch.reason': reason }, key: feature };
}

const LOST_PORTS = { feature: 'messages.ports', reason: 'ledger_poisoned' } as const;

/** Queues of which it is said that their ports were lost from sight; of more the metric alone says so. */
const MAX_LOST_QUEUES = 100;

/** What is off, and why: said once, and shown as long as it lasts. */
export class DisabledFeatures {
  readonly #diag: Diag;
  readonly #features: DisabledFeature[];
  readonly #lostQueues = new Set<string>();
  /** What is to be told as soon as there is somebody to tell it by. */
  readonly #untold: Told[];
  #emit: ((told: Told) => void) | undefined;
  /** What is off for a reason that comes and goes. */
  readonly #passing = new Map<DisabledReason, readonly string[]>();
  #poisonedPorts: () => number = () => 0;

  constructor(diag: Diag, features: readonly DisabledFeature[]) {
    this.#diag = diag;
    this.#features = [...features];
    /* Why stands on stderr: the threads that could not have them have said so. */
    this.#untold = features.map(({ feature, reason }) => told(feature, reason, `${feature} is not observed`));
  }

  /** From now on it is told as an incident, too, and so is what was off before. What is off by choice, or by the kind of machine, is none. */
  tellBy(emit: (record: LogRecord) => void, nowNs: () => number): void {
    this.#emit = (each) => emit({ eventName: 'gridwatch.agent.degraded', timeNs: nowNs(), ...each });
    for (const each of this.#untold.splice(0)) this.#emit(each);
  }

  readonly add = (feature: string, reason: DisabledReason, detail: string): void => {
    if (this.#features.some((known) => known.feature === feature)) return;
    this.#features.push({ feature, reason });
    /* What this kind of machine never has is no news: the metric and `gridwatch doctor` show it. */
    if (reason === 'unsupported_platform') return;
    const body = `${feature} is not observed: ${detail}`;
    this.#diag.warn(body, { feature, reason });
    this.#tell(told(feature, reason, body));
  };

  /** The same without a word: it is as the program wants it. */
  note(feature: string, reason: DisabledReason): void {
    if (!this.#features.some((known) => known.feature === feature)) this.#features.push({ feature, reason });
  }

  /** Shows these as off for the reason, in place of those shown for it before. Whoever knows why says so. */
  show(reason: 'configured' | 'budget', features: readonly string[]): void {
    this.#passing.set(reason, features);
  }

  /** Shows how many ports were lost from sight: there, and only there, messages are not followed. */
  showPorts(poisoned: () => number): void {
    this.#poisonedPorts = poisoned;
  }

  /** A port of this queue was lost from sight just now. */
  readonly lostPort = (queue: string): void => {
    if (this.#lostQueues.has(queue) || this.#lostQueues.size >= MAX_LOST_QUEUES) return;
    this.#lostQueues.add(queue);
    const body = `a port of queue ${queue} was lost from sight: its messages are not observed`;
    const each = told(LOST_PORTS.feature, LOST_PORTS.reason, body);
    const attributes = { ...each.attributes, 'gridwatch.queue.name': queue };
    this.#tell({ ...each, attributes, key: `ports ${queue}` });
  };

  #tell(each: Told): void {
    if (this.#emit === undefined) this.#untold.push(each);
    else this.#emit(each);
  }

  *[Symbol.iterator](): Generator<DisabledFeature & { readonly count?: number }> {
    yield* this.#features;
    for (const [reason, features] of this.#passing) for (const feature of features) yield { feature, reason };
    const count = this.#poisonedPorts();
    if (count > 0) yield { ...LOST_PORTS, count };
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
    for (const [kind, field] of [
      ['thread', HEADER.THREADS_DROPPED],
      ['name', HEADER.NAMES_DROPPED],
    ] as const) {
      const dropped = Atomics.load(memory.u32, field >> 2);
      if (dropped > 0) sink.sum('gridwatch.agent.dropped', { 'gridwatch.record.kind': kind }, dropped);
    }
    sink.histogram('gridwatch.agent.drain.duration', {}, drainDurations);
    const { cpuNs, memoryBytes } = agentUsage();
    if (cpuNs !== undefined) sink.sum('gridwatch.agent.cpu.time', {}, cpuNs);
    sink.sum('gridwatch.agent.memory.usage', {}, memoryBytes);
    sink.sum('gridwatch.agent.restarts', {}, Atomics.load(memory.u32, HEADER.AGENT_RESTARTS >> 2));
    sink.gauge('gridwatch.agent.uptime', {}, clock.nowNs() - this.#startedNs);
    for (const { feature, reason, count = 1 } of disabledFeatures) {
      const attributes = { 'gridwatch.feature': feature, 'gridwatch.reason': reason };
      sink.sum('gridwatch.agent.feature.disabled', attributes, count);
    }
  }
}
