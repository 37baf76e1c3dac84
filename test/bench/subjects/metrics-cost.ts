/*
 * Collects and serialises the metrics of a large program again and again, and prints the CPU time of this thread for each part of a round, in milliseconds. The
 * registry, the view and the serializer are the real ones; the sources write what threads, locks, queues and the rest would, up to the number of
 * names given: where they are more than the limit admits, the others share `_OTHER`.
 */
import { createRequire } from 'node:module';
import { ATTRIBUTES, METRICS, type MetricCatalog } from '../../../agent/agent-thread/telemetry/catalog.ts';
import { MetricView } from '../../../agent/agent-thread/telemetry/metric-view.ts';
import { MetricRegistry, type MetricSink } from '../../../agent/agent-thread/telemetry/metrics.ts';
import { Clock } from '../../../agent/shared-memory/clock.ts';
import { HistogramTotal } from '../../../agent/shared-memory/histogram.ts';

const ROUNDS = 100;
/** The first exports of a process run code that is not optimised yet; they are few. */
const WARM_UP = 5;

/** Locks and queues as TELEMETRY.md has them: so many counters and values, and two histograms a name. */
const COUNTERS = ['acquisitions', 'contentions', 'timeouts', 'aborts', 'waiters'];
const family = (name: 'locks' | 'queues', attribute: string): MetricCatalog['metrics'] => ({
  ...Object.fromEntries(
    COUNTERS.map((counter) => [
      `${name}.${counter}`,
      { instrument: 'counter', unit: '1', brief: 'A.', attributes: [attribute], family: name, isInteger: true },
    ]),
  ),
  ...Object.fromEntries(
    [name === 'locks' ? 'gridwatch.lock.wait.duration' : 'queues.wait', `${name}.hold`].map((histogram) => [
      histogram,
      {
        instrument: 'histogram',
        unit: 's',
        brief: 'A.',
        attributes: [attribute],
        family: name,
        buckets: 'waits',
        divisor: 1e9,
      },
    ]),
  ),
});
const CATALOG: MetricCatalog = {
  metrics: { ...METRICS, ...family('locks', 'gridwatch.lock.name'), ...family('queues', 'gridwatch.queue.name') },
  attributes: {
    ...ATTRIBUTES,
    'gridwatch.lock.name': { type: 'string', brief: 'A class of locks.' },
    'gridwatch.queue.name': { type: 'string', brief: 'A queue.' },
  },
};

/** The values of one name, that grow from collection to collection. */
class Values {
  readonly name: string;
  readonly histogram = new HistogramTotal('waits');
  readonly gc = new HistogramTotal('gc');
  value = 0;

  constructor(name: string) {
    this.name = name;
  }

  grow(): void {
    this.value += 1e6;
    for (let ms = 1; ms < 500; ms *= 2) {
      this.histogram.record(ms * 1e6);
      this.gc.record(ms * 1e6);
    }
  }
}

type AnySink = { [M in 'sum' | 'gauge']: (name: string, attributes: object, value: number) => void } & {
  histogram: (name: string, attributes: object, snapshot: HistogramTotal) => void;
};

const named = (prefix: string, count: number): Values[] =>
  Array.from({ length: count }, (_, i) => new Values(`${prefix}-${i}`));

const [threadCount = 0, lockCount = 0, queueCount = 0, cpuCount = 0] = process.argv.slice(2).map(Number);
const threads = [new Values('main'), ...named('worker', threadCount - 1)];
const locks = named('lock', lockCount);
const queues = named('queue', queueCount);

/** What a worker has of the closed attributes. */
const VALUES: { readonly [key: string]: readonly string[] } = {
  ...Object.fromEntries(Object.entries(ATTRIBUTES).flatMap(([key, a]) => ('values' in a ? [[key, a.values]] : []))),
  'cpu.mode': ['user', 'system'],
  'v8js.heap.space.name': ['new_space', 'old_space', '_OTHER'],
  'v8js.gc.type': ['minor', 'major'],
};
const OF_A_THREAD = Object.entries(METRICS).flatMap(([metric, { family: of, instrument, attributes }]) => {
  const closed = attributes.find((key) => key !== 'thread.name' && key !== 'gridwatch.thread.role');
  return of === 'threads' ? [{ metric, instrument, closed, values: VALUES[closed ?? ''] ?? [] }] : [];
});

/** Every metric of a thread, by the one closed attribute that most have. */
function writeThread(sink: AnySink, { name, value, gc }: Values): void {
  for (const { metric, instrument, closed, values } of OF_A_THREAD) {
    if (closed === undefined) write(sink, metric, instrument, { 'thread.name': name }, value, gc);
    else for (const one of values) write(sink, metric, instrument, { 'thread.name': name, [closed]: one }, value, gc);
  }
}

function write(sink: AnySink, metric: string, instrument: string, at: object, value: number, gc: HistogramTotal): void {
  if (instrument === 'histogram') sink.histogram(metric, at, gc);
  else if (instrument === 'gauge') sink.gauge(metric, at, value);
  else sink.sum(metric, at, value);
}

function writeNamed(
  sink: AnySink,
  of: 'locks' | 'queues',
  attribute: string,
  { name, value, histogram }: Values,
): void {
  const at = { [attribute]: name };
  for (const counter of COUNTERS) sink.sum(`${of}.${counter}`, at, value);
  sink.histogram(of === 'locks' ? 'gridwatch.lock.wait.duration' : 'queues.wait', at, histogram);
  sink.histogram(`${of}.hold`, at, histogram);
}

function collect(sink: AnySink): void {
  for (const thread of threads) writeThread(sink, thread);
  for (const lock of locks) writeNamed(sink, 'locks', 'gridwatch.lock.name', lock);
  for (const queue of queues) writeNamed(sink, 'queues', 'gridwatch.queue.name', queue);
  for (let cpu = 0; cpu < cpuCount; cpu++) {
    for (const mode of ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'steal']) {
      const at = { 'cpu.logical_number': cpu, 'cpu.mode': mode };
      sink.sum('system.cpu.time', at, threads[0]?.value ?? 0);
      sink.gauge('system.cpu.utilization', at, 0.5);
    }
  }
}

interface Serializer {
  serializeRequest(metrics: object): Uint8Array | undefined;
}

const fromSdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
const exporter = createRequire(fromSdk.resolve('@opentelemetry/exporter-metrics-otlp-proto'));
const { ProtobufMetricsSerializer } = exporter('@opentelemetry/otlp-transformer') as {
  ProtobufMetricsSerializer: Serializer;
};

const registry = new MetricRegistry({
  clock: new Clock(),
  maxSeries: 3000,
  catalog: CATALOG,
  onLimit: () => {},
  onDrop: () => {
    throw new Error('a value found no room');
  },
  onSourceError: (error) => {
    throw error;
  },
});
registry.addSource({ collect: (sink: MetricSink) => collect(sink as unknown as AnySink) });
const view = new MetricView(registry, {
  hasDeltaCounters: false,
  hasDeltaHistograms: false,
  maxExponentialBuckets: undefined,
});
const resource = { attributes: { 'service.name': 'bench' } };

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
};

const totalMs = { collect: 0, serialize: 0 };
let [points, bytes] = [0, 0];
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const values of [...threads, ...locks, ...queues]) values.grow();
  const beganMs = cpuMs();
  const metrics = view.collect();
  const collectedMs = cpuMs();
  const request = { resource, scopeMetrics: [{ scope: { name: 'gridwatch', version: '0' }, metrics }] };
  bytes = ProtobufMetricsSerializer.serializeRequest(request)?.length ?? 0;
  points = metrics.reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
  if (round < 0) continue;
  totalMs.collect += collectedMs - beganMs;
  totalMs.serialize += cpuMs() - collectedMs;
}
const sources = [...registry.metrics.values()].reduce((sum, metric) => sum + metric.sources.size, 0);
const [collectMs, serializeMs] = [totalMs.collect / ROUNDS, totalMs.serialize / ROUNDS];
console.log(JSON.stringify({ collectMs, serializeMs, series: registry.seriesCount, points, bytes, sources }));
