/**
 * The gateway as shipped, with two instances of its second tier, between two services and Jaeger and Prometheus: what is kept is kept whole, whichever instance
 * it passed; the rest is thinned out to the rate; and all requests are counted, kept or not. The gateway runs once; each test asks something else.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, expect, it, type TestContext } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Gateway, TIER2 } from '../support/gateway.ts';
import { type JaegerTrace, parentOf, tagOf } from '../support/jaeger-api.ts';
import { logsRequest, type SpanOptions, spansRequest } from '../support/otlp-payloads.ts';
import type { PrometheusSeries } from '../support/prometheus-api.ts';
import { Stack } from '../support/stack.ts';
import { TaggedLoad } from '../support/tagged-load.ts';
import { binariesFor } from './binaries.ts';
import { addressOf, startService } from './programs.ts';

const DULL = '/plain';
const FAILING = '/fails';
const CONTENDED = '/contended';
const PATHS = [DULL, DULL, FAILING, DULL, CONTENDED, DULL, DULL, FAILING];
const REQUESTS = 600;
/** Of the services that the load goes through, in this order. */
const SERVICES = ['front', 'back'] as const;

/** Longer than all the ways of a trace's spans, which leave each process every half a second. */
const DECISION_WAIT_S = 8;
const EXPORT_EVERY_MS = '500';
const ARRIVAL = { deadlineMs: 90_000, intervalMs: 250 } as const;

/** Traces that are surely not all given to one instance. */
const OTHERS = 32;

/** As shipped. */
const SAMPLED = 0.1;
const SLOW_MS = 1_000;
/** From here on a request that took so long may have a trace that counts as slow. */
const NOT_SLOW_MS = 900;

interface Observation {
  readonly stack: Stack;
  readonly gateway: Gateway;
  readonly fromMs: number;
  readonly load: TaggedLoad;
}

let observation: Promise<Observation> | undefined;
afterAll(async () => {
  const run = await observation?.catch(() => undefined);
  await run?.gateway[Symbol.asyncDispose]();
  await run?.stack[Symbol.asyncDispose]();
});

async function observed(context: TestContext): Promise<Observation> {
  const binaries = binariesFor(context);
  observation ??= (async () => {
    const gateway = await Gateway.prepare(binaries);
    const only = ['jaeger', 'prometheus'] as const;
    const stack = await Stack.start(binaries, { only, scrapeConfig: gateway.scrapeConfig, isHurried: true });
    try {
      await gateway.start({ jaegerPort: stack.ports.jaegerGrpc, decisionWaitS: DECISION_WAIT_S });
      return { stack, gateway, ...(await runServices(gateway)) };
    } catch (error) {
      await gateway[Symbol.asyncDispose]();
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  })();
  return observation;
}

/** Both have ended, and said all they had to say. */
async function runServices(gateway: Gateway): Promise<Pick<Observation, 'fromMs' | 'load'>> {
  const fromMs = Date.now();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: gateway.url,
    OTEL_METRIC_EXPORT_INTERVAL: EXPORT_EVERY_MS,
    OTEL_BSP_SCHEDULE_DELAY: EXPORT_EVERY_MS,
  };
  await using back = startService('back', env);
  await using front = startService('front', { ...env, BACK_URL: await addressOf(back) });
  const address = await addressOf(front);
  /* Before, what an agent sees would come when the traces it belongs to have been decided on. */
  const areObserved = async (): Promise<boolean> => {
    const pages = (await Promise.all(TIER2.map(async (node) => gateway.page(node)))).flat();
    const uptimes = pages.filter(({ labels }) => labels['__name__'] === 'gridwatch_agent_uptime_seconds');
    return SERVICES.every((service) => uptimes.some(({ labels }) => labels['job'] === service));
  };
  await eventually('the agents of both to have said something', areObserved, ARRIVAL);
  const load = new TaggedLoad(address, PATHS);
  await eventually(`${REQUESTS} requests to be answered`, () => load.answered.length >= REQUESTS, ARRIVAL);
  await load.stop();
  for (const { child, ended } of [front, back]) {
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ exitCode: 0, stderr: '' });
  }
  return { fromMs, load };
}

/** Whether chance keeps a trace: the processor's own way, FNV-1a over its default salt and the id. */
function isKeptByChance(traceId: string): boolean {
  let hash = 14_695_981_039_346_656_037n;
  for (const byte of Buffer.concat([Buffer.from('default-hash-seed'), Buffer.from(traceId, 'hex')]))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 1_099_511_628_211n);
  return Number(hash) <= SAMPLED * 2 ** 64;
}

function dullId(): string {
  for (;;) {
    const id = randomBytes(16).toString('hex');
    if (!isKeptByChance(id)) return id;
  }
}

const idsOf = ({ load }: Observation, path: string): string[] => [...(load.byPath.get(path)?.keys() ?? [])];
const serversOf = (page: readonly PrometheusSeries[], service: string): PrometheusSeries[] =>
  page.filter(
    ({ labels }) =>
      labels['__name__'] === 'traces_span_metrics_calls_total' &&
      labels['service_name'] === service &&
      labels['span_kind'] === 'SPAN_KIND_SERVER',
  );
const sumOf = (series: readonly PrometheusSeries[]): number => series.reduce((sum, { value }) => sum + value, 0);

/** The traces that one of both services had a part in, by id. */
async function stored({ stack, fromMs }: Observation): Promise<Map<string, JaegerTrace>> {
  const lists = await Promise.all(
    SERVICES.map(async (service) => stack.jaeger.find({ service, fromMs, limit: 100_000 })),
  );
  return new Map(lists.flat().map((trace) => [trace.traceID, trace]));
}

/** What each process had to say of a request, from the load's own span down; `inside` is what happened in `back`. */
function shapeOf(trace: JaegerTrace | undefined, inside: string): unknown {
  const spans = trace?.spans ?? [];
  const ids = new Set(spans.map(({ spanID }) => spanID));
  const serviceOf = (processId: string): string | undefined => trace?.processes[processId]?.serviceName;
  return {
    hops: spans
      .filter((span) => ['server', 'client'].includes(String(tagOf(span, 'span.kind'))))
      .map((span) => `${serviceOf(span.processID)} ${tagOf(span, 'span.kind')}`)
      .toSorted(),
    inside: spans.filter(({ operationName }) => operationName === inside).map((span) => serviceOf(span.processID)),
    orphans: spans
      .filter((span) => !ids.has(parentOf(span) ?? ''))
      .map((span) => `${serviceOf(span.processID)} ${span.operationName}`)
      .toSorted(),
  };
}

const WHOLE = { hops: ['back server', 'front client', 'front server'], inside: ['back'], orphans: ['front GET'] };

it('each trace with an error or a wait is kept whole, though its spans come from two processes', async (context) => {
  const run = await observed(context);
  const expected = [
    ...idsOf(run, FAILING).map((id) => [id, 'compute'] as const),
    ...idsOf(run, CONTENDED).map((id) => [id, 'lock.wait till'] as const),
  ];
  expect(expected.length).toBeGreaterThan(REQUESTS / 4);
  const hasArrived = async (): Promise<boolean> => {
    const traces = await stored(run);
    return expected.every(([id]) => traces.has(id));
  };
  await eventually('all of them to be in Jaeger', hasArrived, ARRIVAL);
  const traces = await stored(run);
  const shapes = expected.map(([id, inside]) => ({ id, shape: shapeOf(traces.get(id), inside) }));
  expect(shapes).toEqual(expected.map(([id]) => ({ id, shape: WHOLE })));
});

it('of the others, those are kept that chance picks, and no more', async (context) => {
  const run = await observed(context);
  const traces = await stored(run);
  const dull = [...(run.load.byPath.get(DULL) ?? [])].filter(([, tookMs]) => tookMs < NOT_SLOW_MS).map(([id]) => id);
  expect(dull.length).toBeGreaterThan(REQUESTS / 2);
  const kept = dull.filter((id) => traces.has(id));
  expect(kept).toEqual(dull.filter(isKeptByChance));
  expect(kept.length).toBeGreaterThan(0);
  for (const id of kept) expect(shapeOf(traces.get(id), 'nothing')).toEqual({ ...WHOLE, inside: [] });
  console.log(`e2e: ${kept.length} of ${dull.length} dull traces kept`);
});

it('all requests are counted, by both instances together, each under its own name', async (context) => {
  const run = await observed(context);
  const { load, gateway, stack } = run;
  const expected = SERVICES.map(() => load.answered.length);
  const counted = async (): Promise<number[]> => {
    const pages = (await Promise.all(TIER2.map(async (node) => gateway.page(node)))).flat();
    return SERVICES.map((service) => sumOf(serversOf(pages, service)));
  };
  const isComplete = async (): Promise<boolean> => (await counted()).every((count, at) => count >= (expected[at] ?? 0));
  await eventually('the counters to be flushed', isComplete, ARRIVAL);
  expect(await counted()).toEqual(expected);

  for (const node of TIER2) {
    for (const service of SERVICES) {
      const series = serversOf(await gateway.page(node), service);
      expect(sumOf(series)).toBeGreaterThan(load.answered.length / 4);
      for (const { labels } of series) {
        expect(labels).toMatchObject({ job: service, collector_instance_id: node });
        expect(labels).not.toHaveProperty('instance');
      }
    }
  }
  const ask = 'sum by (service_name) (traces_span_metrics_calls_total{span_kind="SPAN_KIND_SERVER"})';
  const inPrometheus = async (): Promise<Record<string, number>> => {
    const series = await stack.prometheus.query(ask);
    return Object.fromEntries(series.map(({ labels, value }) => [labels['service_name'], value]));
  };
  const total = Object.fromEntries(SERVICES.map((service) => [service, load.answered.length]));
  const hasScraped = async (): Promise<boolean> => (await inPrometheus())['back'] === total['back'];
  await eventually('Prometheus to have them', hasScraped, ARRIVAL);
  expect(await inPrometheus()).toEqual(total);
  const added =
    'sum without (collector_instance_id, instance) (traces_span_metrics_calls_total{span_kind="SPAN_KIND_SERVER", service_name="back"})';
  expect((await stack.prometheus.query(added)).map(({ value }) => value)).toEqual([total['back']]);
  const errors = 'sum(traces_span_metrics_calls_total{span_name="compute", status_code="STATUS_CODE_ERROR"})';
  expect((await stack.prometheus.query(errors)).map(({ value }) => value)).toEqual([idsOf(run, FAILING).length]);
});

it('the metrics of a process are shown by one instance', async (context) => {
  const run = await observed(context);
  const { stack } = run;
  const count = async (metric: string): Promise<unknown> => {
    const series = await stack.prometheus.query(`count by (job) (${metric}{job=~"front|back"})`);
    return Object.fromEntries(series.map(({ labels, value }) => [labels['job'], value]));
  };
  expect(await count('gridwatch_agent_uptime_seconds')).toEqual({ front: 1, back: 1 });
  expect(await count('target_info')).toEqual({ front: 1, back: 1 });
  const waits = await stack.prometheus.query(
    'gridwatch_lock_contentions_total{job="back", gridwatch_lock_name="till"}',
  );
  expect(waits.map(({ value }) => value)).toEqual([idsOf(run, CONTENDED).length]);
});

interface Posted extends Omit<SpanOptions, 'startMs' | 'endMs'> {
  readonly lastsMs?: number;
}

async function post(url: string, signal: 'traces' | 'logs', body: unknown): Promise<void> {
  const response = await fetch(`${url}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
}

/** A span of its own, of the service `posted`. */
async function postSpan({ gateway }: Observation, scope: string, { lastsMs = 10, ...span }: Posted): Promise<void> {
  const endMs = Date.now();
  const spanId = randomBytes(8).toString('hex');
  const resource = { 'service.name': 'posted', 'service.instance.id': 'one' };
  const body = spansRequest([{ spanId, startMs: endMs - lastsMs, endMs, ...span }], scope, resource);
  await post(gateway.url, 'traces', body);
}

it('incidents and slow traces are kept as well, and what comes late is decided by what it is', async (context) => {
  const run = await observed(context);
  const { gateway, stack, fromMs } = run;
  const decided = async (): Promise<number> => {
    const name = 'processor_tail_sampling_global_count_traces_sampled';
    const counts = await Promise.all(TIER2.map(async (node) => gateway.total(node, name)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const untilDecided = async (since: number, traces: number): Promise<void> => {
    await eventually(`${traces} traces to be decided on`, async () => (await decided()) >= since + traces, ARRIVAL);
  };
  const names = async (): Promise<string[]> => {
    const traces = await stack.jaeger.find({ service: 'posted', fromMs });
    return traces.flatMap(({ spans }) => spans.map(({ operationName }) => operationName)).toSorted();
  };
  const [dull, failed] = [dullId(), dullId()];
  let since = await decided();
  const first: readonly (readonly [string, Posted])[] = [
    ['gridwatch', { name: 'incident gridwatch.finding', traceId: dullId() }],
    ['gridwatch', { name: 'deadlock', traceId: dullId() }],
    ['gridwatch', { name: 'lock.order.inversion', traceId: dullId() }],
    ['app', { name: 'incident of another kind', traceId: dullId() }],
    ['gridwatch', { name: 'lock.wait short', traceId: dullId() }],
    ['app', { name: 'slow', traceId: dullId(), lastsMs: SLOW_MS + 100 }],
    ['app', { name: 'quick', traceId: dullId(), lastsMs: SLOW_MS - 100 }],
    ['app', { name: 'dull', traceId: dull }],
    ['app', { name: 'failed', traceId: failed, hasFailed: true }],
  ];
  for (const [scope, span] of first) await postSpan(run, scope, span);
  await untilDecided(since, first.length);
  const kept = ['deadlock', 'failed', 'incident gridwatch.finding', 'lock.order.inversion', 'slow'];
  await eventually('five to be in Jaeger', async () => (await names()).length >= kept.length, ARRIVAL);
  expect(await names()).toEqual(kept);

  /* An instance forgets a trace that it dropped when it drops the next: so many that each gets one. */
  since = await decided();
  for (let count = 0; count < OTHERS; count++) await postSpan(run, 'app', { name: 'other', traceId: dullId() });
  await untilDecided(since, OTHERS);

  since = await decided();
  await postSpan(run, 'app', { name: 'late sibling of an error', traceId: failed });
  await postSpan(run, 'gridwatch', {
    name: 'late wait',
    traceId: dull,
    attributes: { 'gridwatch.contended': true },
  });
  await untilDecided(since, 1);
  const late = ['late sibling of an error', 'late wait'];
  await eventually('both to be in Jaeger', async () => (await names()).length >= kept.length + late.length, ARRIVAL);
  expect(await names()).toEqual([...kept, ...late].toSorted());
});

it('logs pass the first tier, and nothing was lost on the way', async (context) => {
  const { gateway } = await observed(context);
  const body = 'a line that somebody wrote';
  await post(gateway.url, 'logs', logsRequest([{ eventName: 'said', body, timeMs: Date.now() }]));
  await eventually('it to be in the output', () => gateway.process('tier1').output.includes(body), ARRIVAL);
  expect(await gateway.losses()).toEqual({});
  const early = await Promise.all(
    TIER2.map(async (node) => gateway.total(node, 'processor_tail_sampling_sampling_trace_dropped_too_early')),
  );
  expect(early).toEqual([0, 0]);
});
