/** OTEL_CONFIG_FILE: the file says everything, our metrics go where it says, and what it cannot be told from code is named once. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { TelemetryThread } from '../support/telemetry-thread.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridwatch-config-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function write(text: string): Promise<string> {
  const file = join(folder, 'otel.yaml');
  await writeFile(file, text);
  return file;
}

const complete = (url: string): string => `
file_format: "1.0"
resource:
  attributes:
    - name: service.name
      value: from-file
tracer_provider:
  processors:
    - batch: { exporter: { otlp_http: { endpoint: "${url}/v1/traces", encoding: json } } }
logger_provider:
  processors:
    - batch: { exporter: { otlp_http: { endpoint: "${url}/v1/logs" } } }
meter_provider:
  readers:
    - periodic:
        interval: 60000
        exporter:
          otlp_http:
            endpoint: "${url}/v1/metrics"
            temporality_preference: delta
            default_histogram_aggregation: base2_exponential_bucket_histogram
`;

test('it is followed, and other variables are not', async () => {
  await using receiver = await OtlpReceiver.start();
  await using thread = await TelemetryThread.start({
    OTEL_CONFIG_FILE: await write(complete(receiver.url)),
    OTEL_SERVICE_NAME: 'from-name',
    OTEL_TRACES_EXPORTER: 'none',
  });
  await thread.emitSpans(1, { isIncident: true });
  await thread.emitLog('error');
  await thread.flush();
  await thread.flush();
  const { lines, drops } = await thread.state();
  expect(receiver.span('gc major')?.resource['service.name']).toBe('from-file');
  expect(receiver.logs).toHaveLength(1);
  expect(receiver.metrics.find(({ name }) => name === 'process.cpu.time')?.temporality).toBe('delta');
  expect(receiver.point('gridwatch.thread.startup.duration')?.exponentialHistogram?.count).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/OTEL_CONFIG_FILE is set/);
  expect(drops).toEqual({});
  expect(thread.stdout + thread.stderr).toBe('');
});

test("the application's own resource stands above that of the file, and the distribution above both", async () => {
  await using receiver = await OtlpReceiver.start();
  const resource = { 'service.name': 'own', 'service.instance.id': 'one', 'telemetry.distro.name': 'other' };
  await using thread = await TelemetryThread.start({
    OTEL_CONFIG_FILE: await write(complete(receiver.url).replace('attributes:', `attributes:\n${KEPT}`)),
    TEST_APPLICATION_RESOURCE: JSON.stringify(resource),
  });
  await thread.emitSpans(1, { isIncident: true });
  await thread.emitLog('error');
  await thread.flush();
  const expected = {
    ...resource,
    'app.flavour': 'vanilla',
    'telemetry.distro.name': 'gridwatch',
    'telemetry.distro.version': '1.2.3',
  };
  for (const one of [...receiver.spans, ...receiver.logs, ...receiver.metrics])
    expect(one.resource).toMatchObject(expected);
  expect([receiver.spans.length, receiver.logs.length, receiver.metrics.length > 0]).toEqual([2, 1, true]);
});

const KEPT = `    - name: app.flavour
      value: vanilla`;

test.each([
  ['that is not there', '/nonexistent/otel.yaml'],
  ['that is no YAML', 'file_format: ['],
])('a file %s is said to be, and nothing is exported', async (_what, content) => {
  const file = content.startsWith('/') ? content : await write(content);
  await using thread = await TelemetryThread.start({ OTEL_CONFIG_FILE: file });
  await thread.emitSpans(1, { isIncident: true });
  const { lines, stats } = await thread.flush();
  expect(stats.state).toBe('off');
  expect(lines.some((line) => line.includes('SDK will not be setup'))).toBe(true);
  expect(thread.stdout + thread.stderr).toBe('');
});
