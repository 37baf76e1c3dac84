/**
 * OpenTelemetry's own variables, as far as their values can be told to be wrong without an SDK: the SDK says so too, but only in
 * the middle of a program's output, and for some not at all. Part of `gridwatch doctor`, in its process.
 */
import type { Check } from '../doctor.ts';
import { listOf } from '../ui/reroute.ts';

type Fault = (value: string) => string | undefined;

const PROTOCOL = oneOf('grpc', 'http/protobuf', 'http/json');
const COMPRESSION = oneOf('gzip', 'none');
const MILLISECONDS: Fault = (value) =>
  Number(value) > 0 && Number.isFinite(Number(value)) ? undefined : 'a number of milliseconds above 0';
const HEADERS: Fault = (value) =>
  value.split(',').every((pair) => pair.trim() === '' || /^[!#$%&'*+.^_`|~\w-]+=/.test(pair.trim()))
    ? undefined
    : 'key=value pairs with commas between, each key a name that HTTP allows';

/** By name; `*` stands for nothing, or for one signal. */
const VARIABLES: Readonly<Record<string, Fault>> = {
  OTEL_TRACES_EXPORTER: someOf('otlp', 'console', 'none'),
  OTEL_METRICS_EXPORTER: someOf('otlp', 'prometheus', 'console', 'none'),
  OTEL_LOGS_EXPORTER: someOf('otlp', 'console', 'none'),
  'OTEL_EXPORTER_OTLP_*PROTOCOL': PROTOCOL,
  'OTEL_EXPORTER_OTLP_*COMPRESSION': COMPRESSION,
  'OTEL_EXPORTER_OTLP_*HEADERS': HEADERS,
  'OTEL_EXPORTER_OTLP_*TIMEOUT': MILLISECONDS,
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: oneOf('cumulative', 'delta', 'lowmemory'),
  OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: oneOf(
    'explicit_bucket_histogram',
    'base2_exponential_bucket_histogram',
  ),
  OTEL_METRIC_EXPORT_INTERVAL: MILLISECONDS,
  OTEL_METRIC_EXPORT_TIMEOUT: MILLISECONDS,
  OTEL_BSP_SCHEDULE_DELAY: MILLISECONDS,
  OTEL_BSP_EXPORT_TIMEOUT: MILLISECONDS,
  OTEL_BLRP_SCHEDULE_DELAY: MILLISECONDS,
  OTEL_BLRP_EXPORT_TIMEOUT: MILLISECONDS,
  OTEL_SDK_DISABLED: oneOf('true', 'false'),
};

export function checkOtelVariables(env: NodeJS.ProcessEnv): Check[] {
  // The file replaces them all.
  if (env['OTEL_CONFIG_FILE']?.trim()) return [];
  const checks: Check[] = [];
  for (const [pattern, faultOf] of Object.entries(VARIABLES)) {
    for (const name of pattern.includes('*') ? namesOf(pattern) : [pattern]) {
      const value = env[name]?.trim() ?? '';
      const expected = value === '' ? undefined : faultOf(value);
      if (expected === undefined) continue;
      // What a header holds may be a secret.
      const given = name.endsWith('HEADERS') ? 'its value' : JSON.stringify(value);
      checks.push({
        level: 'problem',
        found: `${name}: ${given} is not understood (expected ${expected}).`,
        remedy: 'Correct it, or unset it for the default.',
      });
    }
  }
  return checks;
}

function namesOf(pattern: string): string[] {
  return ['', 'TRACES_', 'METRICS_', 'LOGS_'].map((signal) => pattern.replace('*', signal));
}

function oneOf(...choices: readonly string[]): Fault {
  const expected = `one of ${choices.join(', ')}`;
  return (value) => (choices.includes(value.toLowerCase()) ? undefined : expected);
}

function someOf(...choices: readonly string[]): Fault {
  const expected = `a comma list of ${choices.join(', ')}`;
  return (value) => (listOf(value).every((name) => choices.includes(name)) ? undefined : expected);
}
