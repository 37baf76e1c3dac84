/**
 * The voice of the SDK, turned into lines of the agent's. Runs on the agent thread. The same complaint is heard once a minute, however often the
 * SDK makes it; what is only an echo of what the user asked for is not heard at all. It must never write to stdout, nor throw into the SDK, nor repeat
 * an endpoint that may hold a password.
 */
import { inspect } from 'node:util';
import type { DiagLogger } from '@opentelemetry/api';
import type { Diag } from '../../diag.ts';

const REPEAT_AFTER_MS = 60_000;
const MAX_MESSAGES = 200;
/** The SDK warns of an exporter list that says `none`. */
const ECHO = /_EXPORTER contains "none"/;
/** The SDK quotes an endpoint that is no URL, or is none any more with a path, and with it the password or the token in it. */
const QUOTED_ENDPOINT = /(export URL: |instead of )'[^]*'/;

export function createSdkDiag(diag: Diag, nowMs: () => number): DiagLogger {
  const heardMs = new Map<string, number>();

  function isNew(message: string): boolean {
    // Counts, ports and durations do not make it another complaint.
    const key = message.replace(/\d+/g, '#').slice(0, 200);
    const lastMs = heardMs.get(key);
    if (lastMs !== undefined && nowMs() - lastMs < REPEAT_AFTER_MS) return false;
    heardMs.delete(key);
    heardMs.set(key, nowMs());
    for (const oldest of heardMs.keys()) {
      if (heardMs.size <= MAX_MESSAGES) break;
      heardMs.delete(oldest);
    }
    return true;
  }

  function say(level: 'warn' | 'error', args: readonly unknown[]): void {
    const message = describe(args);
    if (!ECHO.test(message) && isNew(message)) diag[level](`OpenTelemetry: ${message}`);
  }

  const inform = (...args: unknown[]): void => diag.info(`OpenTelemetry: ${describe(args)}`);
  return {
    error: (...args: unknown[]) => say('error', args),
    warn: (...args: unknown[]) => say('warn', args),
    info: inform,
    debug: inform,
    verbose: inform,
  };
}

function describe(args: readonly unknown[]): string {
  const text = args.map((arg) => (typeof arg === 'string' ? messageIn(arg) : describeValue(arg))).join(' ');
  return text.replace(QUOTED_ENDPOINT, '$1(it is not shown)');
}

function describeValue(value: unknown): string {
  return value instanceof Error ? value.message : inspect(value, { depth: 2, breakLength: Infinity });
}

/** The SDK's handler of last resort sends an error as JSON, stack and all. */
function messageIn(text: string): string {
  if (!text.startsWith('{"')) return text;
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === 'string' ? message : text;
  } catch {
    return text;
  }
}
