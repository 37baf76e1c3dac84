/**
 * The variables of `collector-config/backends/README.md`, as a shell gives them to a program: what the agent then sends, to a receiver in the place of each backend. What a
 * backend makes of it is not tested: nothing leaves the machine.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { OtlpSignal } from '../../agent/cli/otlp-decode.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { TelemetryThread } from '../support/telemetry-thread.ts';

interface Expected {
  /** What comes before `/v1/...`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Added for one signal. */
  readonly only?: Partial<Record<OtlpSignal, Readonly<Record<string, string>>>>;
  readonly isDelta?: boolean;
  readonly isGzipped?: boolean;
  readonly hasExponentialHistograms?: boolean;
}

/** The secrets of whoever follows the page. */
const SECRETS = {
  GRAFANA_INSTANCE_ID: '123456',
  GRAFANA_TOKEN: 'glc_a+/b==',
  DD_API_KEY: 'dd-key',
  NEW_RELIC_LICENSE_KEY: 'nr-key',
  HONEYCOMB_API_KEY: 'hcaik_1',
  ELASTIC_API_KEY: 'ZWxhc3RpYw==',
  DT_API_TOKEN: 'dt0c01.A.B',
} as const;

const EXPECTED: Readonly<Record<string, Expected>> = {
  'Grafana Cloud, or Tempo and Mimir': {
    path: '/otlp',
    headers: { authorization: `Basic ${Buffer.from('123456:glc_a+/b==').toString('base64')}` },
    isGzipped: true,
  },
  Datadog: {
    path: '',
    headers: { 'dd-api-key': 'dd-key' },
    only: {
      traces: { compute_stats: 'true' },
      metrics: { 'dd-otel-metric-config': '{"resource_attributes_as_tags":true}' },
    },
    isDelta: true,
  },
  'New Relic': {
    path: '',
    headers: { 'api-key': 'nr-key' },
    isDelta: true,
    isGzipped: true,
    hasExponentialHistograms: true,
  },
  Honeycomb: {
    path: '',
    headers: { 'x-honeycomb-team': 'hcaik_1' },
    only: { metrics: { 'x-honeycomb-dataset': 'gridwatch-metrics' } },
  },
  Elastic: { path: '', headers: { authorization: 'ApiKey ZWxhc3RpYw==' } },
  Dynatrace: { path: '/api/v2/otlp', headers: { authorization: 'Api-Token dt0c01.A.B' }, isDelta: true },
};

const PAGE = readFileSync(new URL('../../collector-config/backends/README.md', import.meta.url), 'utf8');
/** Each section's lines for a shell, by its title. */
const BLOCKS = new Map(
  Array.from(PAGE.matchAll(/^## (.+)\n\n```sh\n([^]*?)```/gm), ([, title = '', lines = '']) => [title, lines]),
);

test('each backend of the page is tried', () => {
  expect([...BLOCKS.keys()]).toEqual(Object.keys(EXPECTED));
});

test.each(Object.keys(EXPECTED))('%s', async (title) => {
  await using receiver = await OtlpReceiver.start();
  const env = environmentOf(BLOCKS.get(title) ?? '', receiver.url);
  await using thread = await TelemetryThread.start(env);
  await thread.emitSpans(1, { isIncident: true });
  await thread.emitLog('error');
  const { drops, lines } = await thread.flush();
  expect({ drops, lines, stdout: thread.stdout, errors: receiver.errors }).toEqual({
    drops: {},
    lines: [],
    stdout: '',
    errors: [],
  });

  const { path, headers, only = {}, isDelta, isGzipped, hasExponentialHistograms } = EXPECTED[title] as Expected;
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    const request = receiver.requests.find((each) => each.signal === signal);
    expect(request?.path).toBe(`${path}/v1/${signal}`);
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      ...headers,
      ...only[signal],
      ...(isGzipped === true && { 'content-encoding': 'gzip' }),
    });
    expect(request?.headers['content-encoding'] === 'gzip').toBe(isGzipped === true);
  }
  const metric = (name: string): object | undefined => receiver.metrics.find((each) => each.name === name);
  const temporality = isDelta === true ? 'delta' : 'cumulative';
  expect(metric('process.cpu.time')).toMatchObject({ kind: 'sum', temporality });
  expect(metric('gridwatch.thread.startup.duration')).toMatchObject({
    kind: hasExponentialHistograms === true ? 'exponential_histogram' : 'histogram',
    temporality,
  });
});

/** What a shell hands to a program after these lines, with every host replaced by the receiver. */
function environmentOf(lines: string, receiverUrl: string): Record<string, string> {
  const { PATH = '' } = process.env;
  const printed = execFileSync('sh', ['-e', '-u', '-c', `${lines}\nenv -0`], {
    env: { PATH, ...SECRETS },
    encoding: 'utf8',
  });
  const given = printed.split('\0').map((variable) => variable.split(/=([^]*)/) as [string, string]);
  const ours = given.filter(([name]) => name.startsWith('OTEL_'));
  expect(ours.length).toBe(lines.match(/^export /gm)?.length);
  return Object.fromEntries(ours.map(([name, value]) => [name, value.replace(/^https:\/\/[^/]+/, receiverUrl)]));
}
