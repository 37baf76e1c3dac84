/**
 * Holds what the agent exports of threads against what the threads know of themselves (`test/fixtures/oracle/threads.cjs`). Runs in a test's or a
 * benchmark's own process.
 */
import { fileURLToPath } from 'node:url';
import { type Observed, observe } from './observe.ts';

const SUBJECT = fileURLToPath(new URL('../fixtures/oracle/threads.cjs', import.meta.url));
const AGENT = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const METRIC = 'gridwatch.thread.state.time';

/** What each thread does, and how far what is exported may be off. Idle and blocked are sampled. */
const BARS: Readonly<Record<string, { readonly thread: string; readonly bar: number }>> = {
  running: { thread: 'spin', bar: 0.02 },
  runnable: { thread: 'crowd-1', bar: 0.02 },
  waiting_lock: { thread: 'lock', bar: 0.02 },
  parked: { thread: 'park', bar: 0.02 },
  idle: { thread: 'idle', bar: 0.05 },
  blocked_io: { thread: 'read', bar: 0.05 },
};

export interface OracleThread {
  readonly name: string;
  /** Seconds by state, as the thread itself knows. */
  readonly trueS: Readonly<Record<string, number>>;
  /** Seconds by state, as exported. */
  readonly exportedS: Readonly<Record<string, number>>;
}

export interface OracleAnswer {
  readonly state: string;
  readonly thread: string;
  readonly trueS: number;
  readonly exportedS: number;
  /** Of the true time; negative where too little was exported. */
  readonly error: number;
  readonly bar: number;
}

/** Runs the threads for so many seconds. */
export async function askOracle(seconds: number): Promise<readonly OracleThread[]> {
  const { result, observed } = await observe({
    args: [SUBJECT, String(seconds), AGENT],
    env: { GRIDWATCH_ATOMICS_SITES: '*lock.cjs:*', GRIDWATCH_EXIT_TIMEOUT_MS: '60000' },
    deadlineMs: seconds * 1000 * 10 + 60_000,
  });
  if (result.signal !== 'SIGKILL' || result.isPastDeadline || result.stderr !== '')
    throw new Error(`the oracle ended with ${result.exitCode ?? result.signal}: ${result.stderr}`);
  const known = JSON.parse(result.stdout) as Record<string, Record<string, number>>;
  return Object.entries(known).map(([name, trueS]) => {
    const { exportedS, windowS } = statesBetweenExports(observed, name);
    const spentS = Object.entries(trueS).reduce((sum, [state, s]) => (state === 'idle' ? sum : sum + s), 0);
    return { name, trueS: { ...trueS, idle: windowS - spentS }, exportedS };
  });
}

/** From the first export to the last. */
function statesBetweenExports(
  observed: Observed,
  name: string,
): { exportedS: Record<string, number>; windowS: number } {
  const points = observed.metrics
    .filter((metric) => metric.name === METRIC)
    .flatMap((metric) => metric.points.filter(({ attributes }) => attributes['thread.name'] === name));
  const firstNs = points[0]?.timeUnixNs ?? 0n;
  const lastNs = points.at(-1)?.timeUnixNs ?? 0n;
  const exportedS: Record<string, number> = {};
  for (const { attributes, value, timeUnixNs } of points) {
    const state = attributes['gridwatch.thread.state'] as string;
    const sign = timeUnixNs === lastNs ? 1 : timeUnixNs === firstNs ? -1 : 0;
    exportedS[state] = (exportedS[state] ?? 0) + sign * value;
  }
  return { exportedS, windowS: Number(lastNs - firstNs) / 1e9 };
}

/** Of each state, how far the export is off for the thread that did nothing else. A state whose thread could not be had is not among them. */
export function answersOf(threads: readonly OracleThread[]): readonly OracleAnswer[] {
  return Object.entries(BARS).flatMap(([state, { thread, bar }]) => {
    const asked = threads.find(({ name }) => name === thread);
    if (asked === undefined) return [];
    const trueS = asked.trueS[state] ?? Number.NaN;
    const exportedS = asked.exportedS[state] ?? 0;
    return [{ state, thread, trueS, exportedS, error: exportedS / trueS - 1, bar }];
  });
}
