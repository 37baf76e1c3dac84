/**
 * The files that are laid over `collector.yaml`, for Kafka and for other backends, as their heads say: each combination is one that the Collector takes. The one for other
 * backends is run, with a receiver of ours in the place of the backend.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { CONFIG_FOLDER, startCollector } from '../support/collector.ts';
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
  { files: ['backends/otlp-http.yaml'], env: { BACKEND_HEADERS: '{api-key: secret}' } },
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
