/**
 * One row of the tests of OpenTelemetry's environment variables: what is set, and what has to arrive. Runs in a test's own process; the agent's
 * telemetry runs in a worker, as it does in a program.
 */
import { OtlpReceiver, type ReceiverOptions } from './otlp-receiver.ts';
import { TelemetryThread } from './telemetry-thread.ts';

export interface EnvRow {
  readonly sets: string;
  readonly env: (receiver: OtlpReceiver) => Readonly<Record<string, string>>;
  readonly receiver?: ReceiverOptions;
  readonly check: (receiver: OtlpReceiver, thread: TelemetryThread) => void | Promise<void>;
}

/** The environment that sends everything to the receiver. */
export const to = ({ url }: OtlpReceiver): Record<string, string> => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url });

/** The signals that have arrived. */
export const signals = (receiver: OtlpReceiver): string[] =>
  [...new Set(receiver.requests.map(({ signal }) => signal))].toSorted();

/**
 * Emits one incident and one log record, flushes them with the metrics, and checks. Returns what was written to stdout although nobody asked for it,
 * which is to be nothing.
 */
export async function runRow({ env, receiver: options = {}, check }: EnvRow): Promise<string> {
  await using receiver = await OtlpReceiver.start(options);
  const variables = env(receiver);
  await using thread = await TelemetryThread.start(variables);
  await thread.emitSpans(1, { isIncident: true });
  await thread.emitLog('error');
  await thread.flush();
  await check(receiver, thread);
  return Object.values(variables).includes('console') ? '' : thread.stdout;
}
