/**
 * `examples/shop` under load, through the Collector, in Jaeger and Prometheus, all with the files of `collector-config/`: what a user who follows the
 * README gets to see. The shop runs once; each test asks the backends something else.
 */
import { availableParallelism } from 'node:os';
import { afterAll, expect, it, type TestContext } from 'vitest';
import { ATTRIBUTES, METRICS, type MetricName } from '../../agent/agent-thread/telemetry/catalog.ts';
import { filledIn, openedWith, panelsOf, shippedDashboards } from '../support/dashboards.ts';
import { eventually } from '../support/eventually.ts';
import { type JaegerTrace, parentOf, tagOf } from '../support/jaeger-api.ts';
import type { PrometheusSeries } from '../support/prometheus-api.ts';
import { Stack } from '../support/stack.ts';
import { binariesFor } from './binaries.ts';
import { answeredRequests, startShop } from './programs.ts';
import { NOT_EVERYWHERE, PROMETHEUS_NAMES } from './prometheus-names.ts';

/** Three scrapes at the shipped interval. */
const LOAD_SECONDS = 40;
const SCRAPE_MAX_MS = 40_000;
/** Shorter than in a service, so that a fast machine has many of them, too. */
const PAUSE_MIN_MS = 1;
const LOCK_SITE = 'examples/shop/lock.js:15';
/** A span's start as the SDK has it is up to a millisecond early. */
const CLOCK_US = 2_000;

interface Observation {
  readonly stack: Stack;
  readonly answered: number;
  readonly stderr: string;
  readonly traces: readonly JaegerTrace[];
  /** What the Collector showed at the end. */
  readonly page: readonly PrometheusSeries[];
  readonly fromMs: number;
  readonly durationS: number;
}

let observation: Promise<Observation> | undefined;
afterAll(async () => (await observation?.catch(() => undefined))?.stack[Symbol.asyncDispose]());

/** The shop's run, once for all tests. */
async function observed(context: TestContext): Promise<Observation> {
  const binaries = binariesFor(context);
  observation ??= Stack.start(binaries).then(observe);
  return observation;
}

async function observe(stack: Stack): Promise<Observation> {
  const fromMs = Date.now();
  try {
    await using shop = startShop({
      OTEL_EXPORTER_OTLP_ENDPOINT: stack.collectorUrl,
      SHOP_SECONDS: String(LOAD_SECONDS),
      GRIDWATCH_ATOMICS_SITES: LOCK_SITE,
      GRIDWATCH_CARBON_INTENSITY: '400',
      GRIDWATCH_GC_THRESHOLD_MS: String(PAUSE_MIN_MS),
    });
    const { stdout, stderr } = await shop.ended;
    const durationS = (Date.now() - fromMs) / 1000;
    const answered = answeredRequests(stdout);
    await eventually('the Collector to have sent all spans', () => stack.hasSentAll(), { deadlineMs: 60_000 });
    const traces = await stack.jaeger.find({ service: 'shop', fromMs, limit: 100_000 });
    return { stack, answered, stderr, traces, page: await stack.serviceMetrics(), fromMs, durationS };
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

const nameOf = ({ labels }: PrometheusSeries): string => labels['__name__'] ?? '';
const roots = (traces: readonly JaegerTrace[]): JaegerTrace['spans'] =>
  traces.flatMap(({ spans }) => spans.filter((span) => tagOf(span, 'span.kind') === 'server'));

it('every request is a trace in Jaeger, of one service and one instance, and Jaeger warns of nothing', async (context) => {
  const { stack, answered, traces, fromMs, stderr } = await observed(context);
  expect(stderr).toBe('');
  expect(await stack.jaeger.services()).toEqual(['shop']);
  const instances = traces.flatMap(({ processes }) =>
    Object.values(processes).map((process) => tagOf(process, 'service.instance.id')),
  );
  expect(new Set(instances).size).toBe(1);
  expect(roots(traces)).toHaveLength(answered);
  expect(traces.flatMap(({ warnings }) => warnings ?? [])).toEqual([]);
  expect(await stack.jaeger.warnings('shop', fromMs, Date.now())).toEqual([]);
});

it('the pauses of garbage collection are spans inside the searches that they held up', async (context) => {
  const { traces } = await observed(context);
  const searches = traces.filter(({ spans }) => spans.some(({ operationName }) => operationName === 'GET /search'));
  const withPause = searches.filter(({ spans }) => spans.some(({ operationName }) => operationName.startsWith('gc ')));
  // Node's young generation holds what several searches leave, so not each of them has a pause.
  expect(withPause.length).toBeGreaterThanOrEqual(5);
  for (const { spans } of withPause) {
    const [request] = roots([{ spans } as JaegerTrace]);
    if (request === undefined) throw new Error('a pause in a trace without a request');
    for (const pause of spans.filter(({ operationName }) => operationName.startsWith('gc '))) {
      expect(parentOf(pause)).toBe(request.spanID);
      expect(pause.operationName).toBe(`gc ${tagOf(pause, 'v8js.gc.type')}`);
      expect(tagOf(pause, 'thread.name')).toBe('main');
      expect(pause.duration).toBeGreaterThanOrEqual(PAUSE_MIN_MS * 1_000);
      expect(pause.startTime).toBeGreaterThan(request.startTime - CLOCK_US);
      expect(pause.startTime + pause.duration).toBeLessThan(request.startTime + request.duration + CLOCK_US);
    }
  }
});

it('a worker that a request had to wait for is a span inside that request', async (context) => {
  const { traces } = await observed(context);
  const starts = traces.flatMap((trace) =>
    trace.spans
      .filter(({ operationName }) => operationName.startsWith('worker.start '))
      .map((start) => ({ trace, start })),
  );
  const inRequests = starts.filter(({ start }) => parentOf(start) !== undefined);
  // The pool opens with one, before any request; the others start when a request finds none free.
  expect(starts.length - inRequests.length).toBe(1);
  expect(inRequests.length).toBe(Math.min(Math.max(availableParallelism(), 2), 8) - 1);
  for (const { trace, start } of inRequests) {
    expect(roots([trace]).map(({ spanID }) => spanID)).toEqual([parentOf(start)]);
    expect(start.operationName).toBe(`worker.start ${tagOf(start, 'thread.name')}`);
    expect(tagOf(start, 'code.file.path')).toBe('examples/shop/server.js');
  }
});

it('the series of the catalog have the names and the type that rules and dashboards hold', async (context) => {
  const { stack, page } = await observed(context);
  const ours = page.filter(({ labels }) => labels['otel_scope_name'] === 'gridwatch');
  const found = new Set(ours.map((series) => nameOf(series).replace(/_(?:bucket|sum|count)$/, '')));
  // `gridwatch_thread_count` ends like a histogram's series and is none.
  for (const series of ours) found.add(nameOf(series));
  const names = Object.entries(PROMETHEUS_NAMES) as [MetricName, string][];
  const missing = names.filter(([name, translated]) => !NOT_EVERYWHERE.has(name) && !found.has(translated));
  expect(missing).toEqual([]);
  const known = new Set(names.flatMap(([, name]) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]));
  expect([...new Set(ours.map(nameOf))].filter((name) => !known.has(name))).toEqual([]);
  const types = await scraped(stack, async () => stack.prometheus.metadata());
  for (const [name, translated] of names.filter(([, each]) => found.has(each))) {
    const { instrument } = METRICS[name];
    expect([name, types[translated]?.[0]?.type]).toEqual([name, TYPES[instrument]]);
  }
});

const TYPES = { counter: 'counter', updowncounter: 'gauge', gauge: 'gauge', histogram: 'histogram' } as const;

it('each series bears the service and the instance that the traces bear, and none is there twice', async (context) => {
  const { stack, page, traces } = await observed(context);
  const [process] = Object.values(traces[0]?.processes ?? {});
  const identity = { job: 'shop', instance: process && tagOf(process, 'service.instance.id') };
  for (const { labels } of page) expect(labels).toMatchObject(identity);
  const inPrometheus = await scraped(stack, async () => stack.prometheus.query('{job="shop"}'));
  for (const series of [page, inPrometheus]) {
    const keys = series.map(({ labels }) => {
      const own = Object.entries(labels).filter(([key]) => !key.startsWith('otel_scope_'));
      return JSON.stringify(own.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    });
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  }
  const most = await stack.prometheus.query('max_over_time(count(target_info{job="shop"})[5m:5s])');
  expect(most.map(({ value }) => value)).toEqual([1]);
});

it('threads and cores have series of their own, in seconds', async (context) => {
  const { stack, page, durationS } = await observed(context);
  const valuesOf = (series: readonly PrometheusSeries[], label: string): string[] =>
    [...new Set(series.map(({ labels }) => labels[label] ?? ''))].toSorted();
  const named = (name: string): PrometheusSeries[] => page.filter((series) => nameOf(series) === name);
  const workers = Array.from({ length: Math.min(Math.max(availableParallelism(), 2), 8) }, (_, k) => `worker-${k + 1}`);
  const threads = ['agent', 'libuv', 'main', 'other', 'v8', ...workers].toSorted();
  expect(valuesOf(named('gridwatch_thread_cpu_time_seconds_total'), 'thread_name')).toEqual(threads);
  const states = named('gridwatch_thread_state_time_seconds_total');
  expect(ATTRIBUTES['gridwatch.thread.state'].values).toEqual(
    expect.arrayContaining(valuesOf(states, 'gridwatch_thread_state')),
  );
  for (const worker of workers) {
    const waiting = states.filter(({ labels }) => labels['thread_name'] === worker);
    expect(valuesOf(waiting, 'gridwatch_thread_state')).toContain('waiting_lock');
  }
  const ofMain = states.filter(({ labels }) => labels['thread_name'] === 'main');
  const total = ofMain.reduce((sum, { value }) => sum + value, 0);
  expect(total / durationS).toBeGreaterThan(0.85);
  expect(total / durationS).toBeLessThan(1.02);
  const cores = valuesOf(named('system_cpu_time_seconds_total'), 'cpu_logical_number');
  expect(cores).toHaveLength(availableParallelism());
  for (const core of cores) expect(core).toMatch(/^\d+$/);
  const rates = 'sum by (thread_name) (rate(gridwatch_thread_cpu_time_seconds_total{job="shop"}[1m]))';
  const busy = await scraped(stack, async () => stack.prometheus.query(`${rates} > 0`));
  expect(valuesOf(busy, 'thread_name')).toEqual(expect.arrayContaining(['agent', 'main', 'v8', ...workers]));
});

it('what Jaeger shows of the requests, their number, errors and durations, is of all of them', async (context) => {
  const { stack, answered } = await observed(context);
  const calls = 'traces_span_metrics_calls_total{service_name="shop", span_kind="SPAN_KIND_SERVER"}';
  const ask = async (query: string): Promise<number | undefined> => (await stack.prometheus.query(query))[0]?.value;
  const hasArrived = async (): Promise<boolean> => (await ask(`sum(${calls})`)) === answered;
  await eventually('Prometheus to have counted all requests', hasArrived, { deadlineMs: SCRAPE_MAX_MS });
  const endMs = Math.floor(Date.now() / 1_000) * 1_000;
  const query = { service: 'shop', endMs, overMs: 300_000 };
  const rate = await ask(`sum(rate(${calls}[5m] @ ${endMs / 1_000}))`);
  expect(rate).toBeGreaterThan(0);
  expect(await stack.jaeger.spanMetric('calls', query)).toBeCloseTo(rate ?? 0, 9);
  expect(await stack.jaeger.spanMetric('errors', query)).toBe(0);
  const slow = (await stack.jaeger.spanMetric('latencies', { ...query, quantile: 0.95 })) ?? 0;
  expect(slow).toBeGreaterThan(0.001);
  expect(slow).toBeLessThan(10);
});

it('every panel of the dashboards, as they open, has something to show', async (context) => {
  const { stack } = await observed(context);
  const prometheus = await scraped(stack, async () => stack.prometheus);
  const all: string[] = [];
  const empty: string[] = [];
  for (const [area, dashboard] of shippedDashboards()) {
    const ask = async (expr: string): Promise<PrometheusSeries['labels'][]> =>
      (await prometheus.query(expr)).map(({ labels }) => labels);
    // Long enough to reach back to the shop's load from wherever this test stands.
    const values = { ...(await openedWith(dashboard, ask)), __rate_interval: '5m' };
    expect(values).toMatchObject({ job: 'shop', service: 'shop' });
    for (const { id, targets = [] } of panelsOf(dashboard)) {
      for (const { refId, expr } of targets) {
        const answer = await prometheus.query(filledIn(expr, values));
        all.push(`${area} ${id}${refId}`);
        if (answer.every(({ value }) => Number.isNaN(value))) empty.push(`${area} ${id}${refId}`);
      }
    }
  }
  expect(empty.filter((panel) => !MAY_BE_EMPTY.has(panel))).toEqual([]);
  expect(all).toEqual(expect.arrayContaining([...MAY_BE_EMPTY.keys()]));
});

/** Panels of what this shop or the machine may not have, by dashboard, number and query. */
const MAY_BE_EMPTY = new Map([
  ['agent 3A', 'nothing need be off'],
  ...['agent 11A', 'agent 11B'].map((panel) => [panel, 'nothing need be lost, and there is no sampler'] as const),
  ['overview 17A', 'no alert fires in a shop that is well'],
  ['gc 14A', 'Node counts what is allocated from 26 on'],
  ...['gc 20A', 'gc 20B', 'gc 20C'].map((panel) => [panel, 'there need be no control group'] as const),
  ...['locks 23A', 'locks 23B', 'locks 23C'].map(
    (panel) => [panel, 'a raw Atomics.wait says nothing of a hold'] as const,
  ),
  ['queues 43A', 'the shop has no database'],
  ['queues 44A', 'the shop has no database'],
  ['threads 32D', 'a virtual machine need not say what its cores are'],
  ['threads 34A', 'nor how fast they are'],
  ...['threads 40A', 'threads 41A', 'threads 42A', 'threads 42B'].map(
    (panel) => [panel, 'there need be no quota'] as const,
  ),
  ['threads 43A', 'a kernel need not tell of pressure'],
]);

it('nothing was dropped, refused or left unscraped on the way', async (context) => {
  const { stack, page, traces } = await observed(context);
  const dropped = page.filter((series) => nameOf(series) === 'gridwatch_agent_dropped_total');
  expect(new Set(dropped.map(({ labels }) => labels['gridwatch_record_kind']))).toEqual(
    new Set(ATTRIBUTES['gridwatch.record.kind'].values),
  );
  const failures = page.filter((series) => nameOf(series) === 'gridwatch_agent_export_failures_total');
  expect(failures).not.toHaveLength(0);
  for (const series of [...dropped, ...failures]) expect(series).toMatchObject({ value: 0 });
  const accepted = await stack.collectorTotal('receiver_accepted_spans');
  const spans = traces.flatMap((trace) => trace.spans.map(({ spanID }) => `${trace.traceID}/${spanID}`));
  expect(new Set(spans).size).toBe(spans.length);
  expect({ stored: spans.length, lost: await stack.collectorLosses() }).toEqual({ stored: accepted, lost: {} });
  const rules = await scraped(stack, async () => stack.prometheus.alertingRules());
  const ofLosses = rules.filter(({ name }) => /^GridwatchCollector(?:Losing|QueueFilling|Refusing)$/.test(name));
  expect(ofLosses.map(({ state, health }) => `${state} ${health}`)).toEqual(Array(3).fill('inactive ok'));
  const targets = await scraped(stack, async () => stack.prometheus.targets());
  expect(targets.map(({ job }) => job).toSorted()).toEqual([
    'alertmanager',
    'collector',
    'jaeger',
    'prometheus',
    'services',
  ]);
  for (const target of targets) expect(target).toMatchObject({ health: 'up', lastError: '' });
  const troubles = await stack.prometheus.query(
    '{__name__=~"prometheus_target_scrapes?_.*(duplicate|order|bounds|limit).*_total"}',
  );
  expect(troubles.length).toBeGreaterThan(4);
  expect(troubles.filter(({ value }) => value !== 0)).toEqual([]);
});

/** Asks once Prometheus has seen the shop's last numbers. */
async function scraped<T>(stack: Stack, ask: () => Promise<T>): Promise<T> {
  const page = await stack.serviceMetrics();
  const last = page.find((series) => nameOf(series) === 'gridwatch_agent_uptime_seconds')?.value;
  const hasArrived = async (): Promise<boolean> => {
    const [uptime] = await stack.prometheus.query('gridwatch_agent_uptime_seconds{job="shop"}');
    return uptime?.value === last;
  };
  await eventually('Prometheus to have scraped the end of the run', hasArrived, { deadlineMs: SCRAPE_MAX_MS });
  return ask();
}
