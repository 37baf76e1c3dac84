/**
 * The files that are laid over `collector.yaml`, for Kafka and for other backends, as their heads say: each combination is one that the Collector takes. The one for other
 * backends is run, with a receiver of ours in the place of the backend, also one that refuses, and read with the headers of each backend on its page.
 */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { CONFIG_FOLDER, startCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { binariesFor } from './binaries.ts';
import { startFailingWorkers } from './programs.ts';

const execute = promisify(execFile);

/** With the environment that their heads ask for, and otherwise with the defaults. */
const COMBINATIONS = [
  { files: ['kafka/producer.yaml'], env: {} },
  {
    files: ['gateway/tier2.yaml', 'kafka/consumer.yaml'],
    env: { GATEWAY_INSTANCE: 'tier2-0', KAFKA_BROKERS: '[kafka-0:9092, kafka-1:9092]' },
  },
  {
    files: ['backends/otlp-http.yaml'],
    env: { BACKEND_ENDPOINT: 'https://otlp.example.com', BACKEND_HEADERS: '{api-key: secret}' },
  },
] as const;

it.for(COMBINATIONS)('$files is taken by the Collector', async ({ files, env }, context) => {
  const { otelcol } = binariesFor(context);
  const args = ['collector.yaml', ...files].flatMap((file) => ['--config', join(CONFIG_FOLDER, file)]);
  const { stdout, stderr } = await execute(otelcol, ['validate', ...args], { env });
  expect(stdout + stderr).toBe('');
});

it('all signals of a program reach another backend, with its path and its headers, through the Collector', async (context) => {
  const { otelcol } = binariesFor(context);
  await using backend = await OtlpReceiver.start();
  await using collector = await startCollector(otelcol, ['backends/otlp-http.yaml'], {
    BACKEND_ENDPOINT: `${backend.url}/api/v2/otlp`,
    BACKEND_HEADERS: '{Authorization: Api-Token dt0c01.A.B, x-other: "2"}',
  });
  await using program = startFailingWorkers({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
  });
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    const isIt = (request: { readonly signal: string }): boolean => request.signal === signal;
    const request = await backend.waitFor(signal, ({ requests }) => requests.find(isIt), 60_000);
    expect(request.path).toBe(`/api/v2/otlp/v1/${signal}`);
    expect(request.headers).toMatchObject({
      authorization: 'Api-Token dt0c01.A.B',
      'x-other': '2',
      'content-encoding': 'gzip',
    });
  }
  expect(backend.metrics.find(({ name }) => name === 'process.cpu.time')?.temporality).toBe('delta');
  expect(backend.errors).toEqual([]);
  program.child.kill('SIGTERM');
  expect((await program.ended).stderr).toBe('');
});

/** The Collector would send to its own port 4318, and so take the same again and again. */
it('the file for other backends has no endpoint of its own', async (context) => {
  const { otelcol } = binariesFor(context);
  const args = ['collector.yaml', 'backends/otlp-http.yaml'].flatMap((file) => ['--config', join(CONFIG_FOLDER, file)]);
  await expect(execute(otelcol, ['validate', ...args], { env: {} })).rejects.toThrow('at least one endpoint');
});

interface Header {
  readonly name: string;
  readonly value: string;
}

/** One of digits only: YAML takes it for a number, unless it is quoted. */
const SECRET = '12345678';
const HEADERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Grafana Cloud': { Authorization: `Basic ${btoa(`${SECRET}:${SECRET}`)}` },
  Datadog: {
    'dd-api-key': SECRET,
    compute_stats: 'true',
    'dd-otel-metric-config': '{"resource_attributes_as_tags":true}',
  },
  'New Relic': { 'api-key': SECRET },
  Honeycomb: { 'x-honeycomb-team': SECRET, 'x-honeycomb-dataset': 'gridwatch-metrics' },
  Elastic: { Authorization: `ApiKey ${SECRET}` },
  Dynatrace: { Authorization: `Api-Token ${SECRET}` },
};
const PAGE = readFileSync(join(CONFIG_FOLDER, 'backends', 'README.md'), 'utf8');
const HEADER_LINES = new Map(
  Array.from(PAGE.matchAll(/^(export BACKEND_HEADERS=.+) {2}# (.+)$/gm), ([, line = '', title = '']) => [title, line]),
);

it('the page has a line of headers for each backend', () => {
  expect([...HEADER_LINES.keys()]).toEqual(Object.keys(HEADERS));
});

it.for(Object.keys(HEADERS))('the line of headers for %s is read as that by the Collector', async (title, context) => {
  const { otelcol } = binariesFor(context);
  const files = ['collector.yaml', 'backends/otlp-http.yaml'].flatMap((file) => [
    '--config',
    join(CONFIG_FOLDER, file),
  ]);
  const env = {
    BACKEND_ENDPOINT: 'https://otlp.example.com',
    BACKEND_HEADERS: headersOf(HEADER_LINES.get(title) ?? ''),
  };
  const shown = await execute(otelcol, ['print-config', '--mode=unredacted', ...files], { env });
  const config = parse(shown.stdout) as { exporters: { 'otlp_http/backend': { headers: Header[] } } };
  const headers = config.exporters['otlp_http/backend'].headers.map(({ name, value }) => [name, value]);
  expect(Object.fromEntries(headers)).toEqual(HEADERS[title]);
  const { stdout } = await execute(otelcol, ['print-config', ...files], { env });
  expect(stdout).not.toContain(SECRET);
});

it('what another backend refuses is lost and said, without the key; what it puts off comes again', async (context) => {
  const { otelcol } = binariesFor(context);
  await using backend = await OtlpReceiver.start();
  backend.answers.traces = { status: 401 };
  backend.answers.logs = { status: 503 };
  await using collector = await startCollector(otelcol, ['backends/otlp-http.yaml'], {
    BACKEND_ENDPOINT: backend.url,
    BACKEND_HEADERS: '{api-key: key-of-nobody}',
  });
  await sendSpan(collector.url);
  await sendLog(collector.url);
  const answered = async (signal: string, status: number): Promise<unknown> =>
    backend.waitFor(`${signal} to be answered ${status}`, ({ requests }) =>
      requests.find((request) => request.signal === signal && (request.answer.status ?? 200) === status),
    );
  await answered('traces', 401);
  await answered('logs', 503);
  backend.answerAll({});
  await answered('logs', 200);
  const { process } = collector;
  await eventually('the loss to be said', () => process.output.includes('Dropping data'));
  expect(process.output).toMatch(/Dropping data.*"traces".*HTTP Status Code 401/);
  expect(process.output).not.toMatch(/Dropping data.*"logs"/);
  expect(process.output).not.toContain('key-of-nobody');
  expect(backend.requests.filter(({ signal }) => signal === 'traces').length).toBe(1);
});

/** As a shell hands them to the Collector. */
function headersOf(line: string): string {
  const names = Array.from(line.matchAll(/\$([A-Z_]+)/g), ([, name = '']) => name);
  const { PATH = '' } = process.env;
  const env = { PATH, ...Object.fromEntries(names.map((name) => [name, SECRET])) };
  return execFileSync('sh', ['-e', '-u', '-c', `${line}\nprintf %s "$BACKEND_HEADERS"`], { env, encoding: 'utf8' });
}

async function sendSpan(url: string): Promise<void> {
  const span = { traceId: '1'.repeat(32), spanId: '1'.repeat(16), name: 'one', kind: 1 };
  await post(`${url}/v1/traces`, { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
}

async function sendLog(url: string): Promise<void> {
  const logRecord = { body: { stringValue: 'one' } };
  await post(`${url}/v1/logs`, { resourceLogs: [{ scopeLogs: [{ logRecords: [logRecord] }] }] });
}

async function post(url: string, body: object): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(await response.json()).toMatchObject({ partialSuccess: {} });
}
