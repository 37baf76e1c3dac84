/**
 * What queues have counted, by name, kind and direction, over all queues and threads that bear the name, those that are gone included.
 *
 * Runs on the agent thread. Three sources write here, each with kinds of its own: queue cells, ports, channels. Counts only grow; what is there at one moment
 * (`reset`) is put together anew at each look. There are never more names than the bound: what comes later is counted as `_OTHER`.
 */
import type { Feature } from '../../config/options.ts';
import { HistogramTotal } from '../../shared-memory/histogram.ts';
import { QUEUE_KINDS, type QueueKind } from '../../shared-memory/queue-cells.ts';
import type { Direction } from '../../shared-memory/queue-records.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import { type Attributes, OTHER } from '../telemetry/catalog.ts';
import type { MetricSink } from '../telemetry/metrics.ts';
import { PoolUse } from './pool-use.ts';
import { shownName } from './shown-name.ts';

export type QueueFeature = Extract<Feature, 'messages' | 'pools' | 'queues'>;

/** What each kind of queue is: the feature that follows it, and what it can have. */
const TRAITS: Readonly<Record<QueueKind, QueueTraits>> = {
  message_port: { feature: 'messages', refuses: false, workers: 'none' },
  broadcast: { feature: 'messages', refuses: false, workers: 'none' },
  pool: { feature: 'pools', refuses: true, workers: 'threads' },
  task_queue: { feature: 'queues', refuses: true, workers: 'limit' },
  channel: { feature: 'queues', refuses: false, workers: 'none' },
  ipc: { feature: 'messages', refuses: false, workers: 'none' },
  libuv: { feature: 'queues', refuses: false, workers: 'threads' },
  http_agent: { feature: 'queues', refuses: true, workers: 'limit' },
  connection_pool: { feature: 'queues', refuses: true, workers: 'threads' },
};

interface QueueTraits {
  readonly feature: QueueFeature;
  /** It may refuse or give up items: the zeros of these counts are sent. */
  readonly refuses: boolean;
  /** Those who serve: threads or connections that it tells of; places that are only bounded, if they are; or nobody of its own. */
  readonly workers: 'threads' | 'limit' | 'none';
}

/** The feature without which queues of this kind are not told of. */
function featureOf(kind: QueueKind): QueueFeature {
  return TRAITS[kind].feature;
}

/** Queues whose items wait in another process: how many there are, and how old, nobody here can know. */
const ELSEWHERE = /^bullmq:/;

/** As many as there can be cells at once. */
const MAX_TOTALS = 4096;

/** What the queues of one name, kind and direction have counted, and what is in them. */
export class QueueTotal {
  readonly name: string;
  readonly kind: QueueKind;
  readonly direction: Direction;
  arrivals = 0;
  completions = 0;
  rejections = 0;
  aborts = 0;
  /** Messages that could not be serialised, or not be read. */
  errors = 0;
  /** As of the last look, like all below but the histograms: items that wait, room for them (0: no bound), how long the oldest has waited. */
  size = 0;
  capacity = 0;
  oldestNs = 0;
  /** Of a pool: who works there, how busy they were. */
  readonly use: PoolUse = new PoolUse();
  readonly attributes: Attributes;
  #waits: HistogramTotal | undefined;
  #services: HistogramTotal | undefined;
  #serialises: HistogramTotal | undefined;

  constructor(name: string, kind: QueueKind, direction: Direction) {
    this.name = name;
    this.kind = kind;
    this.direction = direction;
    this.attributes = {
      'gridwatch.queue.name': name,
      'gridwatch.queue.kind': kind,
      ...(direction === 'none' ? {} : { 'gridwatch.queue.direction': direction }),
    };
  }

  /** Made when there is something to put into it. */
  get waits(): HistogramTotal {
    return (this.#waits ??= new HistogramTotal('waits'));
  }

  get services(): HistogramTotal {
    return (this.#services ??= new HistogramTotal('waits'));
  }

  get serialises(): HistogramTotal {
    return (this.#serialises ??= new HistogramTotal('waits'));
  }

  /** Time in `postMessage` so far. */
  get serialisedNs(): number {
    return this.#serialises?.sumNs ?? 0;
  }

  /** One of the queues of this name has these in it now. */
  holds(size: number, oldestNs: number, capacity = 0): void {
    this.size += Math.max(0, size);
    this.capacity += Math.max(0, capacity);
    if (size > 0) this.oldestNs = Math.max(this.oldestNs, oldestNs);
  }

  /** Before a new look. */
  reset(): void {
    this.size = 0;
    this.capacity = 0;
    this.oldestNs = 0;
    this.use.reset();
  }

  emit(sink: MetricSink, nowNs: number): void {
    const queue = this.attributes;
    const { feature, refuses, workers } = TRAITS[this.kind];
    const isHere = !ELSEWHERE.test(this.name);
    if (isHere) sink.sum('gridwatch.queue.size', queue, this.size);
    if (this.capacity > 0) sink.sum('gridwatch.queue.capacity', queue, this.capacity);
    sink.sum('gridwatch.queue.arrivals', queue, this.arrivals);
    sink.sum('gridwatch.queue.completions', queue, this.completions);
    if (refuses || this.rejections > 0) sink.sum('gridwatch.queue.rejections', queue, this.rejections);
    if (refuses || this.aborts > 0) sink.sum('gridwatch.queue.aborts', queue, this.aborts);
    if (isHere) sink.gauge('gridwatch.queue.oldest_item.age', queue, this.oldestNs);
    if (this.#waits !== undefined) sink.histogram('gridwatch.queue.wait.duration', queue, this.#waits);
    if (this.#services !== undefined) sink.histogram('gridwatch.queue.service.duration', queue, this.#services);
    if (feature === 'messages') {
      sink.sum('gridwatch.message.errors', queue, this.errors);
      if (this.#serialises !== undefined)
        sink.histogram('gridwatch.message.serialize.duration', queue, this.#serialises);
    }
    if (workers !== 'none') this.use.emit(sink, queue, workers === 'threads', nowNs);
  }
}

/** One of those that write here: cells, ports, channels. */
export interface QueueReader {
  /** Adds what was counted since the last call, and with `holds` what is in each queue now: the totals were reset before. */
  read(nowNs: number): void;
  /** A thread has ended, and its slot is still its own: reads what it has counted a last time. */
  end?(thread: SlotClaim, nowNs: number): void;
}

export class QueueTotals {
  readonly #totals = new Map<string, QueueTotal>();
  readonly #maxTotals: number;

  constructor(maxTotals: number = MAX_TOTALS) {
    this.#maxTotals = maxTotals;
  }

  /** The total of this name, as the program wrote it; it stays the same for ever, so it can be kept. */
  of(rawName: string, kind: QueueKind, direction: Direction = 'none'): QueueTotal {
    const name = shownName(rawName, kind);
    const known = this.#totals.get(keyOf(name, kind, direction));
    if (known !== undefined) return known;
    return this.#findOrAdd(this.#totals.size < this.#maxTotals ? name : OTHER, kind, direction);
  }

  #findOrAdd(name: string, kind: QueueKind, direction: Direction): QueueTotal {
    const key = keyOf(name, kind, direction);
    let total = this.#totals.get(key);
    if (total === undefined) this.#totals.set(key, (total = new QueueTotal(name, kind, direction)));
    return total;
  }

  /** Before a new look: nothing is in any queue. */
  reset(): void {
    for (const total of this.#totals.values()) total.reset();
  }

  /** Tells of the queues of the kinds whose feature runs. */
  emit(sink: MetricSink, nowNs: number, isOn: (feature: QueueFeature) => boolean): void {
    const kinds = new Set(QUEUE_KINDS.filter((kind) => isOn(featureOf(kind))));
    for (const total of this.#totals.values()) if (kinds.has(total.kind)) total.emit(sink, nowNs);
  }

  [Symbol.iterator](): Iterator<QueueTotal> {
    return this.#totals.values();
  }
}

function keyOf(name: string, kind: QueueKind, direction: Direction): string {
  return `${kind}\u0000${direction}\u0000${name}`;
}
