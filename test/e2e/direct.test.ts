/** Without a Collector: the shop straight to Jaeger, which takes no metrics and no logs; and a program that Prometheus asks for its metrics itself. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { METRICS, type MetricName } from '../../agent/agent-thread/telemetry/catalog.ts';
import { eventually } from '../support/eventually.ts';
import { tagOf } from '../support/jaeger-api.ts';
import { BUILT_REGISTER_FILE } from '../support/observe.ts';
import { startNode } from '../support/run-node.ts';
import { Stack } from '../support/stack.ts';
import { binariesFor } from './binaries.ts';
import { NOT_EVERYWHERE, PROMETHEUS_NAMES } from './prometheus-names.ts';
import { answeredRequests, startShop } from './shop-run.ts';

const FAILING_WORKERS = fileURLToPath(new URL('../fixtures/apps/failing-workers.cjs', import.meta.url));
const WORKERS = 20;
const ARRIVAL = { deadlineMs: 60_000, intervalMs: 200 } as const;

it('straight to Jaeger: every request is there, and that Jaeger takes no metrics is said once', async (context) => {
  await using stack = await Stack.start(binariesFor(context), { only: ['jaeger'] });
  const fromMs = Date.now();
  const shop = startShop({
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.jaegerUrl,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    SHOP_SECONDS: '8',
  });
  const { stdout, stderr } = await shop.ended;
  const traces = await stack.jaeger.find({ service: 'shop', fromMs, limit: 100_000 });
  const spans = traces.flatMap((trace) => trace.spans);
  const requests = spans.filter((span) => tagOf(span, 'span.kind') === 'server');
  expect(requests).toHaveLength(answeredRequests(stdout));
  expect(spans.map(({ operationName }) => operationName)).toEqual(expect.arrayContaining(['worker.start worker-1']));
  expect(await stack.jaeger.warnings('shop', fromMs, Date.now())).toEqual([]);
  expect(stderr).toMatch(/^[^\n]*does not take metrics \(HTTP 404[^\n]*\n$/);
});

it('straight to Jaeger: a log record is there as a span, and that Jaeger takes no logs is said once', async (context) => {
  await using stack = await Stack.start(binariesFor(context), { only: ['jaeger'] });
  const program = startNode({
    withAgent: 'NODE_OPTIONS',
    registerFile: BUILT_REGISTER_FILE,
    args: [FAILING_WORKERS],
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: stack.jaegerUrl,
      OTEL_SERVICE_NAME: 'failing',
      OTEL_METRICS_EXPORTER: 'none',
      GRIDWATCH_LOG: 'text',
    },
  });
  await program.waitForOutput(`\n${WORKERS}\n`);
  const incidents = async (): Promise<number> =>
    (await stack.jaeger.find({ service: 'failing', operation: 'incident gridwatch.thread.failed' })).length;
  await eventually('the incidents to be in Jaeger', async () => (await incidents()) >= WORKERS, ARRIVAL);
  program.child.kill('SIGTERM');
  const { stderr } = await program.ended;
  const said = stderr.split('\n').filter((line) => line.includes('does not take'));
  expect(said).toEqual([expect.stringMatching(/does not take logs \(HTTP 404/)]);
});

it('scraped at /metrics by Prometheus: the same names, from the process itself', async (context) => {
  const scrapeConfig = `
  - job_name: scraped
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs:
      - targets: ['APPLICATION']
`;
  await using stack = await Stack.start(binariesFor(context), { only: ['prometheus'], scrapeConfig });
  const program = startNode({
    withAgent: 'NODE_OPTIONS',
    registerFile: BUILT_REGISTER_FILE,
    args: [FAILING_WORKERS],
    env: {
      OTEL_SERVICE_NAME: 'scraped',
      OTEL_METRICS_EXPORTER: 'prometheus',
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(stack.ports.application),
      GRIDWATCH_HOST_METRICS: 'on',
      GRIDWATCH_LOG: 'text',
    },
    deadlineMs: 120_000,
  });
  const series = async (): Promise<string[]> => {
    const found = await stack.prometheus.query('{job="scraped", otel_scope_name="gridwatch"}');
    return [...new Set(found.map(({ labels }) => labels['__name__'] ?? ''))];
  };
  await eventually('Prometheus to have scraped it', async () => (await series()).length > 0, ARRIVAL);
  const [seriesBefore] = await stack.prometheus.query('gridwatch_agent_uptime_seconds{job="scraped"}');
  await eventually(
    'it to be scraped again',
    async () =>
      (await stack.prometheus.query('gridwatch_agent_uptime_seconds{job="scraped"}'))[0]?.value !== seriesBefore?.value,
    ARRIVAL,
  );
  const found = new Set(await series());
  const missing = (Object.entries(PROMETHEUS_NAMES) as [MetricName, string][])
    .filter(([name]) => !NOT_EVERYWHERE.has(name))
    .map(([name, translated]) => (METRICS[name].instrument === 'histogram' ? `${translated}_count` : translated))
    .filter((name) => !found.has(name));
  expect(missing).toEqual([]);
  const target = (await stack.prometheus.targets()).find(({ job }) => job === 'scraped');
  expect(target).toMatchObject({ health: 'up', lastError: '' });
  program.child.kill('SIGTERM');
  expect((await program.ended).stderr).not.toMatch(/cannot|fail(?!ing)/);
});
