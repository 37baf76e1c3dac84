/** The agent's defaults for OpenTelemetry's variables, and the values that are none. */
import { describe, expect, test } from 'vitest';
import { prepareEnvironment } from '../../../../agent/agent-thread/telemetry/environment.ts';
import { FakeDiag } from './fake-diag.ts';

function prepare(env: NodeJS.ProcessEnv) {
  const diag = new FakeDiag();
  return { env, diag, environment: prepareEnvironment(env, diag) };
}

describe('unset variables', () => {
  test('get the agent’s intervals', () => {
    const { env, diag } = prepare({});
    expect(env).toMatchObject({
      OTEL_METRIC_EXPORT_INTERVAL: '15000',
      OTEL_BSP_SCHEDULE_DELAY: '1000',
      OTEL_BLRP_SCHEDULE_DELAY: '1000',
    });
    expect(diag.lines).toEqual([]);
  });

  test('blank is unset', () => {
    expect(prepare({ OTEL_METRIC_EXPORT_INTERVAL: ' ' }).env['OTEL_METRIC_EXPORT_INTERVAL']).toBe('15000');
  });

  test('there are no limits on an export but the exporter’s own', () => {
    expect(prepare({}).environment.timeoutsMs).toEqual({ traces: Infinity, metrics: Infinity, logs: Infinity });
  });
});

describe('variables that are set', () => {
  test('stay as they are', () => {
    const { env, environment } = prepare({ OTEL_METRIC_EXPORT_INTERVAL: '500', OTEL_BSP_EXPORT_TIMEOUT: '3000' });
    expect(env['OTEL_METRIC_EXPORT_INTERVAL']).toBe('500');
    expect(environment).toMatchObject({ metricIntervalMs: 500, timeoutsMs: { traces: 3000 } });
  });

  test.each(['soon', '0', '-5', 'Infinity'])('to %j are reported, and the default holds', (value) => {
    const { env, diag } = prepare({ OTEL_METRIC_EXPORT_INTERVAL: value });
    expect(env['OTEL_METRIC_EXPORT_INTERVAL']).toBe('15000');
    expect(diag.lines).toEqual([
      `warn OTEL_METRIC_EXPORT_INTERVAL=${value} is not a number of milliseconds above 0: the default holds`,
    ]);
  });

  test('OTEL_LOG_LEVEL is taken away: the SDK would replace our voice', () => {
    const { env, environment } = prepare({ OTEL_LOG_LEVEL: 'debug' });
    expect(env).not.toHaveProperty('OTEL_LOG_LEVEL');
    expect(environment.logLevel).toBe('debug');
  });

  test('OTEL_SDK_DISABLED switches off', () => {
    expect(prepare({ OTEL_SDK_DISABLED: 'TRUE' }).environment.isDisabled).toBe(true);
    expect(prepare({ OTEL_SDK_DISABLED: '1' }).environment.isDisabled).toBe(false);
  });

  test('the histogram aggregation is one of two', () => {
    const name = 'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION';
    const wants = (value: string): boolean => prepare({ [name]: value }).environment.prefersExponentialHistograms;
    expect(wants('BASE2_exponential_bucket_histogram')).toBe(true);
    expect(wants('explicit_bucket_histogram')).toBe(false);
    const { environment, diag } = prepare({ [name]: 'linear' });
    expect(environment.prefersExponentialHistograms).toBe(false);
    expect(diag.lines).toHaveLength(1);
  });
});

test('a configuration file replaces all other variables', () => {
  const { env, environment } = prepare({
    OTEL_CONFIG_FILE: 'otel.yaml',
    OTEL_SDK_DISABLED: 'true',
    OTEL_METRIC_EXPORT_TIMEOUT: '5',
    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
  });
  expect(env).not.toHaveProperty('OTEL_METRIC_EXPORT_INTERVAL');
  expect(environment).toMatchObject({
    configFile: 'otel.yaml',
    isDisabled: false,
    prefersExponentialHistograms: false,
    timeoutsMs: { metrics: Infinity },
  });
});
