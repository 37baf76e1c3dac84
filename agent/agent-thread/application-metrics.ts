/**
 * The metrics that the application sends itself, and the agent therefore does not.
 *
 * Runs on the agent thread, fed by notices of the main thread. Only OpenTelemetry's own names can be left to the application: the program could have
 * sent the notice, and must not take anything else away.
 */
import { METRICS } from './telemetry/catalog.ts';

/** Only names of the catalog outside of our namespace, each of them once. */
export function leftToApplication(message: unknown): readonly string[] {
  const { instruments } = (message ?? {}) as { instruments?: unknown };
  if (!Array.isArray(instruments)) return [];
  const names = instruments.filter((name): name is string => typeof name === 'string' && Object.hasOwn(METRICS, name));
  return [...new Set(names)].filter((name) => !name.startsWith('gridwatch.'));
}
