/**
 * Waits for something to become true by asking again and again. Runs in a test's own process. It is the only way a test
 * waits for a condition that does not announce itself: a fixed pause is either too short or wasted.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';

const DEFAULT_DEADLINE_MS = 45_000;
const DEFAULT_INTERVAL_MS = 20;

export interface EventuallyOptions {
  readonly deadlineMs?: number;
  readonly intervalMs?: number;
}

/**
 * The first truthy answer of `check`, which may also be a promise. An exception means "not yet", so a failing `expect`
 * inside is asked again too. At the deadline it rejects with `what`, the last answer or exception, and the time it took.
 *
 * @param what - what is waited for, as the rest of a sentence that begins "waited for".
 */
export async function eventually<T>(
  what: string,
  check: () => T | Promise<T>,
  { deadlineMs = DEFAULT_DEADLINE_MS, intervalMs = DEFAULT_INTERVAL_MS }: EventuallyOptions = {},
): Promise<NonNullable<T>> {
  const startedMs = performance.now();
  const hasPassed = (): boolean => performance.now() - startedMs >= deadlineMs;
  for (let checks = 1; ; checks++) {
    const answer = await ask(check, deadlineMs - (performance.now() - startedMs));
    if ('value' in answer && Boolean(answer.value)) return answer.value as NonNullable<T>;
    if (hasPassed()) throw notInTime(what, answer, checks, performance.now() - startedMs);
    await pause(intervalMs);
  }
}

type Answer = { readonly value: unknown } | { readonly error: unknown };

/** A check that never answers is cut off at the deadline too. */
async function ask(check: () => unknown, remainingMs: number): Promise<Answer> {
  const cutOff = new AbortController();
  const atDeadline = pause(Math.max(remainingMs, 0), { error: new Error('the check did not answer') }, cutOff);
  try {
    const value = check();
    if (!(value instanceof Promise)) return { value };
    return await Promise.race([value.then((settled: unknown) => ({ value: settled })), atDeadline]);
  } catch (error) {
    return { error };
  } finally {
    cutOff.abort();
    atDeadline.catch(() => {});
  }
}

function notInTime(what: string, answer: Answer, checks: number, durationMs: number): Error {
  const took = `${Math.round(durationMs)} ms and ${checks} ${checks === 1 ? 'check' : 'checks'}`;
  if ('value' in answer) return new Error(`waited for ${what}: after ${took} it is still ${inspect(answer.value)}`);
  const { error } = answer;
  const reason = error instanceof Error ? error.message : inspect(error);
  return new Error(`waited for ${what}: after ${took} it still fails: ${reason}`, { cause: error });
}
