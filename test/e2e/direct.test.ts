/** Without a Collector: the shop straight to Jaeger, which takes no metrics and no logs; and a program that Prometheus asks for its metrics itself. */
import { expect, it } from 'vitest';
import { METRICS, type MetricName } from '../../agent/agent-thread/telemetry/catalog.ts';
import { eventually } from '../support/eventually.ts';
import { tagOf } from '../support/jaeger-api.ts';
import { Stack } from '../support/stack.ts';
import { binariesFor } from './binaries.ts';
import { answeredRequests, startFailingWorkers, startShop } from './programs.ts';
import { NOT_EVERYWHERE, PROMETHEUS_NAMES } from './prometheus-names.ts';

const WORKERS = 20;
const ARRIVAL = { deadlineMs: 60_000, intervalMs: 200 } as const;

it('straight to Jaeger: every request is there, and that Jaeger takes no metrics is said once', async (context) => {
  await using stack = await Stack.start(binariesFor(context), { only: ['jaeger'] });
  const fromMs = Date.now();
  await using shop = startShop({
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.jaegerUrl,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    SHOP_SECONDS: '8',
  });
  const { stdout, stderr } = await shop.ended;
  const traces = await stack.jaeger.find({ service: 'shop', fromMs, limit: 100_000 });
  const spans = traces.flatMap((trace) => trace.spans);
  const requests = spans.filter((span) => tagOf(span, 'span.kind') === 'server');
  expect(requests).toHaveLength(answeredRequests(stdout));
  expect(spans.map(({ operationName }) => operationName)).toContain('worker.start worker-1');
  expect(await stack.jaeger.warnings('shop', fromMs, Date.now())).toEqual([]);
  expect(stderr).toMatch(/^[^\n]*does not take metrics \(HTTP 404[^\n]*\n$/);
});

it('straight to Jaeger: a log record is there as a span, and that Jaeger takes no logs is said once', async (context) => {
  await using stack = await Stack.start(binariesFor(context), { only: ['jaeger'] });
  await using program = startFailingWorkers({
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.jaegerUrl,
    OTEL_SERVICE_NAME: 'failing',
    OTEL_METRICS_EXPORTER: 'none',
  });
  await program.waitForOutput(`\n${WORKERS}\n`);
  const search = { service: 'failing', operation: 'incident gridwatch.thread.failed' };
  const incidents = async (): Promise<number> => (await stack.jaeger.find(search)).length;
  await eventually('the incidents to be in Jaeger', async () => (await incidents()) >= WORKERS, ARRIVAL);
  program.child.kill('SIGTERM');
  const { stderr } = await program.ended;
  const said = stderr.split('\n').filter((line) => line.includes('does not take'));
  expect(said).toEqual([expect.stringMatching(/does not take logs \(HTTP 404/)]);
});

const SCRAPE_CONFIG = `
  - job_name: scraped
    scrape_interval: 1s
    static_configs:
      - targets: ['APPLICATION']
`;

it('scraped at /metrics by Prometheus: the names are those that the Collector gives', async (context) => {
  await using stack = await Stack.start(binariesFor(context), { only: ['prometheus'], scrapeConfig: SCRAPE_CONFIG });
  await using program = startFailingWorkers({
    OTEL_METRICS_EXPORTER: 'prometheus',
    GRIDWATCH_CARBON_INTENSITY: '400',
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(stack.ports.application),
  });
  const ours = async (): Promise<Set<string>> => {
    const series = await stack.prometheus.query('{job="scraped", otel_scope_name="gridwatch"}');
    return new Set(series.map(({ labels }) => labels['__name__'] ?? ''));
  };
  const expected = (Object.entries(PROMETHEUS_NAMES) as [MetricName, string][])
    .filter(([name]) => !NOT_EVERYWHERE.has(name))
    .map(([name, translated]) => (METRICS[name].instrument === 'histogram' ? `${translated}_count` : translated));
  const allScraped = async (): Promise<boolean> => {
    const found = await ours();
    expect(expected.filter((name) => !found.has(name))).toEqual([]);
    return true;
  };
  await eventually('Prometheus to have scraped all of it', allScraped, ARRIVAL);
  const known = new Set(Object.values(PROMETHEUS_NAMES).flatMap((name) => [name, ...PARTS.map((part) => name + part)]));
  expect([...(await ours())].filter((name) => !known.has(name))).toEqual([]);
  expect((await stack.prometheus.targets()).find(({ job }) => job === 'scraped')).toMatchObject({
    health: 'up',
    lastError: '',
  });
  program.child.kill('SIGTERM');
  expect((await program.ended).exitCode).toBe(0);
});

const PARTS = ['_bucket', '_sum', '_count'] as const;
