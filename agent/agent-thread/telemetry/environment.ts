/**
 * The `OTEL_*` variables the agent has defaults of its own for, or has to read because the SDK does not. Runs on the agent thread, whose
 * environment is a copy: what is written here is seen by the SDK on this thread and by nobody else. A variable the user has set is never changed,
 * unless its value is none; that is reported, and the default holds.
 */
import type { Diag } from '../../diag.ts';
import type { Signal } from './catalog.ts';

/** In milliseconds. The SDK's own: 60 s, 5 s, 1 s. */
const INTERVALS_MS = {
  OTEL_METRIC_EXPORT_INTERVAL: 15_000,
  OTEL_BSP_SCHEDULE_DELAY: 1000,
  OTEL_BLRP_SCHEDULE_DELAY: 1000,
} as const;

const TIMEOUTS: Readonly<Record<Signal, string>> = {
  traces: 'OTEL_BSP_EXPORT_TIMEOUT',
  metrics: 'OTEL_METRIC_EXPORT_TIMEOUT',
  logs: 'OTEL_BLRP_EXPORT_TIMEOUT',
};

const HISTOGRAM_AGGREGATION = 'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION';

export interface TelemetryEnvironment {
  /** The file that replaces all other variables, if there is one. */
  readonly configFile: string | undefined;
  readonly isDisabled: boolean;
  /** What the SDK may say, from OTEL_LOG_LEVEL. */
  readonly logLevel: string;
  readonly metricIntervalMs: number;
  /** Limits on one export; infinite where none is set. */
  readonly timeoutsMs: Readonly<Record<Signal, number>>;
  readonly prefersExponentialHistograms: boolean;
}

/** Reads the variables, writes the agent's defaults where none is set, and takes away OTEL_LOG_LEVEL, for which the SDK would replace our voice. */
export function prepareEnvironment(env: NodeJS.ProcessEnv, diag: Diag): TelemetryEnvironment {
  const configFile = given(env, 'OTEL_CONFIG_FILE');
  const logLevel = given(env, 'OTEL_LOG_LEVEL') ?? 'warn';
  delete env['OTEL_LOG_LEVEL'];
  if (configFile === undefined) {
    for (const [name, defaultMs] of Object.entries(INTERVALS_MS)) {
      if (readMs(env, name, diag) === undefined) env[name] = String(defaultMs);
    }
  }
  const timeoutMs = (signal: Signal): number =>
    configFile === undefined ? (readMs(env, TIMEOUTS[signal], diag) ?? Infinity) : Infinity;
  return {
    configFile,
    isDisabled: configFile === undefined && given(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true',
    logLevel,
    metricIntervalMs: Number(env['OTEL_METRIC_EXPORT_INTERVAL']),
    timeoutsMs: { traces: timeoutMs('traces'), metrics: timeoutMs('metrics'), logs: timeoutMs('logs') },
    prefersExponentialHistograms: configFile === undefined && prefersExponential(env, diag),
  };
}

function prefersExponential(env: NodeJS.ProcessEnv, diag: Diag): boolean {
  const value = given(env, HISTOGRAM_AGGREGATION)?.toLowerCase();
  if (value === 'base2_exponential_bucket_histogram') return true;
  if (value !== undefined && value !== 'explicit_bucket_histogram') {
    diag.warn(
      `${HISTOGRAM_AGGREGATION}=${value} is neither explicit_bucket_histogram nor base2_exponential_bucket_histogram: the former holds`,
    );
  }
  return false;
}

function readMs(env: NodeJS.ProcessEnv, name: string, diag: Diag): number | undefined {
  const value = given(env, name);
  if (value === undefined) return undefined;
  const milliseconds = Number(value);
  if (milliseconds > 0 && Number.isFinite(milliseconds)) return milliseconds;
  diag.warn(`${name}=${value} is not a number of milliseconds above 0: the default holds`);
  delete env[name];
  return undefined;
}

/** Blank is not set, as everywhere in OpenTelemetry. */
function given(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}
