/**
 * Whether telemetry arrives: sends an empty export of each signal to where the variables point, and says what came back.
 * Part of `gridwatch doctor`, in its process. It must ask nothing but that endpoint, and wait no longer than two seconds.
 */

import type { Check } from '../doctor.ts';
import type { OtlpSignal } from '../otlp-decode.ts';
import { isLoopbackHost } from '../ui/receiver.ts';
import { type Destination, destinationsOf } from '../ui/reroute.ts';
import { createGrpcShipper } from '../ui/ship-grpc.ts';
import { createHttpShipper, type Delivery, reasonOf } from '../ui/ship-http.ts';

const TIMEOUT_MS = 2000;
const DEFAULT_ENDPOINT = 'http://localhost:4318';

const NO_ENDPOINT_NEEDED =
  'Set OTEL_EXPORTER_OTLP_ENDPOINT, or look at a program without any: gridwatch run --ui app.js';

export async function checkEndpoint(env: NodeJS.ProcessEnv): Promise<Check[]> {
  if (env['OTEL_CONFIG_FILE']) {
    const found = `OTEL_CONFIG_FILE says where telemetry goes (${env['OTEL_CONFIG_FILE']}): the endpoint is not asked.`;
    return [{ level: 'note', found, remedy: '' }];
  }
  const notes: string[] = [];
  const chosen = destinationsOf(env, notes);
  const faults: Check[] = notes.map((found) => ({ level: 'problem', found, remedy: '' }));
  if (chosen.size > 0 || faults.length > 0) return [...faults, ...(await askAll(chosen)), ...warnOfCredentials(chosen)];
  const byDefault = destinationsOf({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: DEFAULT_ENDPOINT }, []);
  if (byDefault.size === 0) return [{ level: 'note', found: 'No signal is exported over OTLP.', remedy: '' }];
  const answers = await askAll(byDefault);
  if (answers.every(({ level }) => level !== 'problem')) return answers;
  const found = `OTEL_EXPORTER_OTLP_ENDPOINT is not set, and nothing takes telemetry at the default, ${DEFAULT_ENDPOINT}.`;
  return [{ level: 'note', found, remedy: NO_ENDPOINT_NEEDED }];
}

interface Answer {
  readonly signals: OtlpSignal[];
  readonly where: string;
  readonly delivery: Delivery;
  /** Whether it was asked with headers of the user's. */
  readonly hasHeaders: boolean;
}

/** One check for all signals that got the same answer from the same place. */
async function askAll(destinations: ReadonlyMap<OtlpSignal, Destination>): Promise<Check[]> {
  const signalsBy = new Map<string, Answer>();
  const ask = async (signal: OtlpSignal, destination: Destination): Promise<void> => {
    const delivery = await deliver(signal, destination);
    const where = `${destination.url.origin}${destination.protocol === 'grpc' ? ' (gRPC)' : ''}`;
    const hasHeaders = Object.keys(destination.headers).length > 0;
    const key = JSON.stringify([where, delivery, hasHeaders]);
    const same = signalsBy.get(key) ?? { signals: [], where, delivery, hasHeaders };
    signalsBy.set(key, same);
    same.signals.push(signal);
  };
  await Promise.all([...destinations].map(async (entry) => ask(...entry)));
  return [...signalsBy.values()].map(toCheck);
}

function toCheck({ signals, where, delivery, hasHeaders }: Answer): Check {
  const all = new Intl.ListFormat('en').format(signals.toSorted());
  if (delivery.kind === 'delivered') return { level: 'ok', found: `${where} takes ${all}.`, remedy: '' };
  if (delivery.kind === 'unsupported') {
    const found = `${where} does not take ${all}; the agent leaves them out and tries again every ten minutes.`;
    return {
      level: 'note',
      found,
      remedy: 'Jaeger takes traces only. For the rest send to an OpenTelemetry Collector.',
    };
  }
  const { reason } = delivery;
  return { level: 'problem', found: `${where} did not take ${all}: ${reason}.`, remedy: remedyFor(reason, hasHeaders) };
}

async function deliver(signal: OtlpSignal, destination: Destination): Promise<Delivery> {
  try {
    const create = destination.protocol === 'grpc' ? createGrpcShipper : createHttpShipper;
    const shipper = create({ ...destination, timeoutMs: TIMEOUT_MS });
    const body = { signal, bytes: Buffer.alloc(0), contentType: 'application/x-protobuf', contentEncoding: undefined };
    return await shipper.send(body, AbortSignal.timeout(TIMEOUT_MS)).finally(() => shipper.close());
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error as Error) };
  }
}

function remedyFor(reason: string, hasHeaders: boolean): string {
  if (/ECONNREFUSED/.test(reason))
    return 'Nothing listens there: start the Collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT (4318 is HTTP, 4317 gRPC).';
  if (/ENOTFOUND|EAI_AGAIN/.test(reason))
    return 'That name is not known here: correct the host in OTEL_EXPORTER_OTLP_ENDPOINT.';
  if (/\b40[13]\b|status (?:7|16)$/.test(reason))
    return hasHeaders
      ? 'It does not take the credentials that it is given: correct those in OTEL_EXPORTER_OTLP_HEADERS.'
      : 'It wants credentials: set OTEL_EXPORTER_OTLP_HEADERS.';
  if (/ENOENT|EACCES|EISDIR/.test(reason))
    return 'The file of a certificate or key cannot be read: correct OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_KEY or _CLIENT_CERTIFICATE.';
  if (/ERR_INVALID_(?:HTTP_TOKEN|CHAR)/.test(reason))
    return 'A header is none that HTTP allows: correct OTEL_EXPORTER_OTLP_HEADERS (key=value, with commas between).';
  if (/HPE_|ERR_HTTP2|ECONNRESET/.test(reason))
    return 'It speaks another protocol: 4318 is http/protobuf, 4317 is grpc (OTEL_EXPORTER_OTLP_PROTOCOL).';
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(reason))
    return 'Its certificate is not trusted: set OTEL_EXPORTER_OTLP_CERTIFICATE to the file of its CA.';
  if (reason === 'no answer in time')
    return 'It did not answer within two seconds: look for a firewall, or a proxy between.';
  return 'Look at the log of what listens there.';
}

/** Names of headers and parameters whose values mostly are secrets; some vendors call theirs a team, or a data source. */
const SECRET_NAME = /auth|key|token|secret|cookie|passw|pwd|credential|signature|session|dsn|team/i;

/** Secrets sent where anybody on the way can read them: each place once, with the signals that go there. */
function warnOfCredentials(destinations: ReadonlyMap<OtlpSignal, Destination>): Check[] {
  const signalsBy = new Map<string, OtlpSignal[]>();
  for (const [signal, { url, headers }] of destinations) {
    const secrets = Object.keys(headers).filter((name) => SECRET_NAME.test(name));
    if (url.username !== '' || url.password !== '') secrets.push('the user and password in the URL');
    for (const name of url.searchParams.keys()) if (SECRET_NAME.test(name)) secrets.push(`${name} in the URL`);
    if (secrets.length === 0 || url.protocol !== 'http:' || isLoopbackHost(url.host)) continue;
    const found = `Credentials (${secrets.join(', ')}) go to ${url.host} in clear text`;
    signalsBy.set(found, [...(signalsBy.get(found) ?? []), signal]);
  }
  return [...signalsBy].map(([found, signals]) => ({
    level: 'problem',
    found: `${found}, with ${new Intl.ListFormat('en').format(signals.toSorted())}.`,
    remedy: 'Use an https:// endpoint, or send to a Collector on this machine that adds them.',
  }));
}
