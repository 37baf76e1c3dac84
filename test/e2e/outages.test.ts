/**
 * A backend is killed, without a chance to say good-bye, and comes back while the shop is under load. Each request has a trace id of its own, so what
 * is missing afterwards is known by name. The accounting: requests answered = traces in Jaeger, spans the Collector has accepted = spans in Jaeger, and
 * every counter of a loss on the way is zero.
 */
import { expect, it } from 'vitest';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { requiredLabels } from '../support/collector-catalog.ts';
import { eventually } from '../support/eventually.ts';
import { type JaegerTrace, tagOf } from '../support/jaeger-api.ts';
import { Stack } from '../support/stack.ts';
import { TaggedLoad } from '../support/tagged-load.ts';
import { Webhook } from '../support/webhook.ts';
import { binariesFor } from './binaries.ts';
import { Heard } from './heard.ts';
import { addressOf, type Program, startFailingWorkers, startShop } from './programs.ts';

const REQUESTS = 100;
const WORKERS = 30;
const OUTAGE = { deadlineMs: 60_000 } as const;
/** The Collector tries again after half a minute at the latest, gRPC opens its connection anew within two. */
const RECOVERY = { deadlineMs: 180_000, intervalMs: 500 } as const;

interface Shop extends AsyncDisposable {
  readonly program: Program;
  readonly load: TaggedLoad;
  /** Resolves when so many more requests have been answered. */
  more(requests: number): Promise<void>;
}

async function openShop(endpoint: string): Promise<Shop> {
  const program = startShop({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    SHOP_LOAD: 'off',
    GRIDWATCH_GC_THRESHOLD_MS: '1',
  });
  const load = new TaggedLoad(await addressOf(program));
  const more = async (requests: number): Promise<void> => {
    const goal = load.answered.length + requests;
    await eventually(`${requests} more requests to be answered`, () => load.answered.length >= goal, OUTAGE);
  };
  return { program, load, more, [Symbol.asyncDispose]: async () => program[Symbol.asyncDispose]() };
}

/** Ends the shop as an orchestrator does, and gives back what it wrote to stderr. */
async function close({ program, load }: Shop): Promise<string> {
  await load.stop();
  program.child.kill('SIGTERM');
  const { exitCode, stderr } = await program.ended;
  expect(exitCode).toBe(0);
  return stderr;
}

async function tracesOf(stack: Stack, fromMs: number): Promise<JaegerTrace[]> {
  return stack.jaeger.find({ service: 'shop', fromMs, limit: 100_000 });
}

it('Jaeger is killed and comes back: no span is lost, and none is there twice', async (context) => {
  await using stack = await Stack.start(binariesFor(context), { only: ['jaeger', 'collector'] });
  const fromMs = Date.now();
  await using shop = await openShop(stack.collectorUrl);
  await shop.more(REQUESTS);
  const isStored = async (): Promise<boolean> => (await tracesOf(stack, fromMs)).length >= REQUESTS;
  await eventually('requests to be in Jaeger', isStored, OUTAGE);

  await stack.process('jaeger').kill('SIGKILL');
  const acceptedBefore = await stack.collectorTotal('receiver_accepted_spans');
  await shop.more(2 * REQUESTS);
  const isQueued = async (): Promise<boolean> => (await stack.collectorTotal('exporter_queue_size')) > 0;
  await eventually('the Collector to queue what Jaeger does not take', isQueued, OUTAGE);
  await eventually(
    'the Collector to go on accepting',
    async () => (await stack.collectorTotal('receiver_accepted_spans')) > acceptedBefore + REQUESTS,
    OUTAGE,
  );
  expect(await stack.collectorTotal('exporter_sent_spans')).toBeLessThanOrEqual(acceptedBefore);

  await stack.process('jaeger').start();
  await shop.more(REQUESTS);
  expect(await close(shop)).toBe('');
  await eventually('Jaeger to have taken all that the Collector accepted', () => stack.hasSentAll(), RECOVERY);

  const traces = await tracesOf(stack, fromMs);
  const stored = new Set(traces.map(({ traceID }) => traceID));
  expect(shop.load.answered.length).toBeGreaterThanOrEqual(4 * REQUESTS);
  expect(shop.load.answered.filter((id) => !stored.has(id))).toEqual([]);
  const spans = traces.flatMap((trace) => trace.spans.map(({ spanID }) => `${trace.traceID}/${spanID}`));
  expect(spans.length).toBe(new Set(spans).size);
  expect(spans.length).toBe(await stack.collectorTotal('receiver_accepted_spans'));
  expect(await stack.collectorLosses()).toEqual({});
  const dropped = (await stack.serviceMetrics()).filter(
    ({ labels }) => labels['__name__'] === 'gridwatch_agent_dropped_total',
  );
  expect(dropped.length).toBeGreaterThan(0);
  expect(dropped.filter(({ value }) => value !== 0)).toEqual([]);
});

it('the Collector is killed and comes back: what the agent had to say meanwhile arrives, once', async (context) => {
  await using stack = await Stack.start(binariesFor(context), { only: ['jaeger', 'collector'] });
  const fromMs = Date.now();
  await using program = startFailingWorkers({
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.collectorUrl,
    OTEL_SERVICE_NAME: 'shop',
  });
  const until = async (workers: number): Promise<void> => program.waitForOutput(`\n${workers}\n`);
  await until(WORKERS);
  const isStored = async (): Promise<boolean> => (await tracesOf(stack, fromMs)).length >= WORKERS / 2;
  await eventually('incidents to be in Jaeger', isStored, OUTAGE);

  await stack.process('collector').kill('SIGKILL');
  let heard = '';
  program.child.stderr?.on('data', (chunk: Buffer) => {
    heard += String(chunk);
  });
  await eventually('the agent to have noticed', () => heard.includes('cannot deliver'), OUTAGE);
  await until(2 * WORKERS);
  await stack.process('collector').start();
  await eventually('the agent to deliver again', () => heard.includes('takes what it is sent again'), RECOVERY);
  await until(3 * WORKERS);
  program.child.kill('SIGTERM');
  const { stdout, stderr, exitCode } = await program.ended;
  expect(exitCode).toBe(0);
  // One line says that it is gone, one that it is back.
  const said = stderr.split('\n').filter((line) => line.includes(stack.collectorUrl));
  expect(said).toEqual([
    expect.stringContaining(`cannot deliver`),
    expect.stringMatching(/takes what it is sent again, after \d+ s/),
  ]);

  const names = stdout
    .trim()
    .split('\n')
    .map((count) => `failing-${count}`);
  const incidents = async (): Promise<string[]> => {
    const spans = (await tracesOf(stack, fromMs)).flatMap((trace) => trace.spans);
    const found = spans.filter(({ operationName }) => operationName === 'incident gridwatch.thread.failed');
    return found.map((span) => String(tagOf(span, 'thread.name')));
  };
  await eventually('all incidents to be in Jaeger', async () => (await incidents()).length >= names.length, RECOVERY);
  expect((await incidents()).toSorted()).toEqual(names.toSorted());
  expect(await stack.collectorLosses()).toEqual({});
});

/** Of some seconds of load. One batch is a hundredth of it. */
const SMALL_QUEUE = `
exporters:
  otlp_grpc/jaeger:
    sending_queue:
      queue_size: 200000
      batch: {min_size: 1000, max_size: 2000}
`;
const [FILLING, LOSING, REFUSING] = [
  'GridwatchCollectorQueueFilling',
  'GridwatchCollectorLosing',
  'GridwatchCollectorRefusing',
] as const;

it('Jaeger stays away until the queue is full: people are told before anything is lost, then of the loss, and of nothing while all is well', async (context) => {
  await using stack = await Stack.start(binariesFor(context), { isHurried: true, collectorConfig: SMALL_QUEUE });
  await using webhook = await Webhook.listen(stack.ports.webhook);
  const heard = new Heard(stack, webhook);
  const load = new AcknowledgedLoad(stack.collectorUrl, 'posted');
  try {
    const hasSeen = async (): Promise<boolean> =>
      (await stack.prometheus.query(`sum(increase(otelcol_exporter_sent_spans[20s])) > ${REQUESTS}`)).length > 0;
    await eventually('Prometheus to have seen Jaeger take some', hasSeen, OUTAGE);
    const rules = (await stack.prometheus.alertingRules()).filter(({ name }) => name.startsWith('GridwatchCollector'));
    expect(rules.map(({ name, state }) => [name, state])).toEqual(
      expect.arrayContaining([FILLING, LOSING, REFUSING].map((name) => [name, 'inactive'])),
    );
    await expectCatalog(stack);

    await stack.process('jaeger').kill('SIGKILL');
    const isTold = (alert: string) => (): boolean => heard.notifications('collector', alert).length > 0;
    await eventually('a queue to be told of that fills', isTold(FILLING), OUTAGE);
    await eventually('a loss to be told of', isTold(LOSING), OUTAGE);
    const isKeptBack = async (): Promise<boolean> => {
      await heard.listen();
      return heard.keptBack('collector').has(FILLING);
    };
    await eventually('what it has begun with to be kept back', isKeptBack, OUTAGE);
  } finally {
    await load.stop();
  }
  expect(load.refusals).toBeGreaterThan(0);
  const [alert] = heard.notifications('collector', LOSING)[0]?.alerts ?? [];
  expect(alert?.labels).toMatchObject({ job: 'collector', exporter: 'otlp_grpc/jaeger', severity: 'warning' });
  expect(alert?.annotations['description']).toMatch(
    new RegExp(
      `instance 127.0.0.1:${stack.ports.collectorTelemetry}, .*: otelcol_exporter_enqueue_failed_spans \\d+\\.$`,
    ),
  );
  expect([...heard.told('collector')]).toEqual([LOSING]);
  expect(heard.isTold('collector', REFUSING)).toBe(false);
  expect(heard.notifications('jaeger')).toEqual([]);
});

/** What rules ask Collectors for is on the pages of real ones, as far as these two have done it. */
async function expectCatalog(stack: Stack): Promise<void> {
  const names = [
    'otelcol_exporter_queue_size{job="collector"}',
    'otelcol_exporter_queue_capacity{job="collector"}',
    'otelcol_exporter_sent_spans{job="collector"}',
    'otelcol_receiver_accepted_spans{job="collector"}',
    'otelcol_receiver_refused_spans{job="collector"}',
    'otelcol_receiver_failed_spans{job="collector"}',
    'otelcol_exporter_sent_spans_total{job="jaeger"}',
    'otelcol_exporter_send_failed_spans_total{job="jaeger"}',
    'otelcol_receiver_refused_spans_total{job="jaeger"}',
  ];
  for (const name of names) {
    const [series] = await stack.prometheus.query(name);
    const labels = requiredLabels(name.replace(/\{.*/, '')) ?? expect.unreachable(`not in the catalog: ${name}`);
    expect([name, ...Object.keys(series?.labels ?? {})]).toEqual(expect.arrayContaining([name, 'instance', ...labels]));
  }
}
