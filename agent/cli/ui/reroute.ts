/**
 * The OTLP variables of a program under `gridwatch run --ui`: its telemetry comes to the view's receiver, and where the user
 * had set a destination, the receiver ships it on. Runs in the process of the command. It must not change anything else in
 * the program's environment, and whatever it cannot honour it says.
 */
import { resolveConfig } from '../../config/resolve.ts';
import type { OtlpSignal } from '../otlp-decode.ts';

/** Where the user wanted one signal to go. */
export interface Destination {
  readonly url: URL;
  readonly protocol: 'http' | 'grpc';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Files, for https. */
  readonly certificate: string | undefined;
  readonly clientKey: string | undefined;
  readonly clientCertificate: string | undefined;
}

export interface Rerouting {
  /** The program's environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly destinations: ReadonlyMap<OtlpSignal, Destination>;
  /** What the user set that does not hold in this run: whole sentences. */
  readonly notes: readonly string[];
}

const SIGNALS = ['traces', 'metrics', 'logs'] as const;
const DEFAULT_TIMEOUT_MS = 10_000;

/** The view draws twice a second; what it draws should not be older than that by much. */
const METRIC_INTERVAL_MS = 1000;
const BATCH_DELAY_MS = 500;

/** Where only the view sees the exports it does not matter whether they name the same instance as the application's: it tells processes by their pid. */
const IDENTITY_WAIT_MS = 1500;

/** Variables about the way to the user's endpoint. They would break the way to the receiver. */
const WAY_TO_ENDPOINT = [
  'ENDPOINT',
  'PROTOCOL',
  'HEADERS',
  'CERTIFICATE',
  'CLIENT_KEY',
  'CLIENT_CERTIFICATE',
  'INSECURE',
];

/** Moves the program's exports to the receiver and finds out where they would have gone. */
export function reroute(userEnv: NodeJS.ProcessEnv, receiverUrl: string): Rerouting {
  const env: NodeJS.ProcessEnv = { ...userEnv };
  const notes: string[] = [];
  const destinations = destinationsOf(userEnv, notes);
  for (const signal of SIGNALS) {
    const exporters = exportersOf(signal, userEnv);
    if (isExported(exporters)) continue;
    // A signal that the user keeps at home comes to the view all the same, and goes nowhere from there.
    env[exporterVariable(signal)] = ['otlp', ...exporters.filter((name) => name !== 'none')].join(',');
  }
  for (const name of WAY_TO_ENDPOINT) {
    delete env[`OTEL_EXPORTER_OTLP_${name}`];
    for (const signal of SIGNALS) delete env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`];
  }
  env['OTEL_EXPORTER_OTLP_ENDPOINT'] = receiverUrl;
  env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/protobuf';
  setShortIntervals(env);
  if (destinations.size === 0) env['GRIDWATCH_IDENTITY_WAIT_MS'] ||= String(IDENTITY_WAIT_MS);
  noteWhatStaysDark(env, notes);
  return { env, destinations, notes };
}

/** Where the user's variables send each signal over OTLP. @param notes gets what cannot be understood. */
export function destinationsOf(env: NodeJS.ProcessEnv, notes: string[]): ReadonlyMap<OtlpSignal, Destination> {
  const destinations = new Map<OtlpSignal, Destination>();
  for (const signal of SIGNALS) {
    const destination = isExported(exportersOf(signal, env)) ? destinationOf(signal, env, notes) : undefined;
    if (destination !== undefined) destinations.set(signal, destination);
  }
  return destinations;
}

function exporterVariable(signal: OtlpSignal): string {
  return `OTEL_${signal.toUpperCase()}_EXPORTER`;
}

function exportersOf(signal: OtlpSignal, env: NodeJS.ProcessEnv): string[] {
  return listOf(env[exporterVariable(signal)]);
}

/** Without a word on it, an SDK exports over OTLP. */
function isExported(exporters: readonly string[]): boolean {
  return exporters.length === 0 || exporters.includes('otlp');
}

function setShortIntervals(env: NodeJS.ProcessEnv): void {
  env['OTEL_METRIC_EXPORT_INTERVAL'] ||= String(METRIC_INTERVAL_MS);
  // The SDK refuses an interval that is shorter than the timeout.
  const intervalMs = Number(env['OTEL_METRIC_EXPORT_INTERVAL']);
  if (!(Number(env['OTEL_METRIC_EXPORT_TIMEOUT'] || Infinity) <= intervalMs)) {
    env['OTEL_METRIC_EXPORT_TIMEOUT'] = env['OTEL_METRIC_EXPORT_INTERVAL'];
  }
  env['OTEL_BSP_SCHEDULE_DELAY'] ||= String(BATCH_DELAY_MS);
  env['OTEL_BLRP_SCHEDULE_DELAY'] ||= String(BATCH_DELAY_MS);
}

function noteWhatStaysDark(env: NodeJS.ProcessEnv, notes: string[]): void {
  if (env['OTEL_CONFIG_FILE']) {
    delete env['OTEL_CONFIG_FILE'];
    notes.push('OTEL_CONFIG_FILE does not hold in this run: the file would send everything past this view.');
  }
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') {
    notes.push('OTEL_SDK_DISABLED is true: nothing is exported, and this view stays empty. Unset it.');
  }
  const { config } = resolveConfig(env);
  if (!config.enabled) notes.push('GRIDWATCH_ENABLED is false: threads are not observed. Unset it.');
  else if (config.enableRatio < 1) {
    notes.push(`GRIDWATCH_ENABLE_RATIO is ${config.enableRatio}: this run may be without the agent. Unset it.`);
  }
  if (!config.features.threads) notes.push('GRIDWATCH_FEATURES leaves out threads, and so does this view. Add them.');
}

/** The user's endpoint for one signal, by the rules of the OTLP exporter's specification; none if none is set. */
function destinationOf(signal: OtlpSignal, env: NodeJS.ProcessEnv, notes: string[]): Destination | undefined {
  const ofSignal = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_`;
  const either = (name: string): string | undefined => {
    return env[ofSignal + name]?.trim() || env[`OTEL_EXPORTER_OTLP_${name}`]?.trim() || undefined;
  };
  const endpoint = either('ENDPOINT');
  if (endpoint === undefined) return undefined;
  const protocol = either('PROTOCOL') === 'grpc' ? 'grpc' : 'http';
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint);
  const scheme = either('INSECURE')?.toLowerCase() === 'true' ? 'http' : 'https';
  const text = protocol === 'grpc' && !hasScheme ? `${scheme}://${endpoint}` : endpoint;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const note = `Nothing is shipped to ${withoutSecrets(text)}: an OTLP endpoint is a URL that begins with http:// or https://.`;
    if (!notes.includes(note)) notes.push(note);
    return undefined;
  }
  const isOwnEndpoint = Boolean(env[`${ofSignal}ENDPOINT`]?.trim());
  if (protocol === 'http' && !isOwnEndpoint) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/${signal}`;
  const timeoutMs = Number(either('TIMEOUT') ?? DEFAULT_TIMEOUT_MS);
  return {
    url,
    protocol,
    headers: { ...headersOf(env['OTEL_EXPORTER_OTLP_HEADERS']), ...headersOf(env[`${ofSignal}HEADERS`]) },
    timeoutMs: timeoutMs > 0 ? timeoutMs : DEFAULT_TIMEOUT_MS,
    certificate: either('CERTIFICATE'),
    clientKey: either('CLIENT_KEY'),
    clientCertificate: either('CLIENT_CERTIFICATE'),
  };
}

/** What may be shown of an endpoint that cannot be read as a URL: no user, no password, no parameters. */
function withoutSecrets(endpoint: string): string {
  return endpoint.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1');
}

/** The entries of a comma list. */
export function listOf(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

/** `key=value,key=value`, the values percent-encoded, as in W3C Baggage. */
function headersOf(value: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of listOf(value)) {
    const at = pair.indexOf('=');
    if (at > 0) headers[decode(pair.slice(0, at).trim()).toLowerCase()] = decode(pair.slice(at + 1).trim());
  }
  return headers;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
