/**
 * Runs a program under the agent, with a collector of its own, and answers questions about what was delivered. Runs in a
 * test's own process. Metrics are asked for as a backend shows them: the newest point of every series.
 */
import { fileURLToPath } from 'node:url';
import type { OtlpAttributes, OtlpLog, OtlpMetric, OtlpPoint, OtlpSpan } from '../../agent/cli/otlp-decode.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { type RunningNode, type RunOptions, type RunResult, startNode } from './run-node.ts';

/** What a user installs; `npm test` builds it first. The sources would take every thread of a program 100 ms to load. */
export const BUILT_REGISTER_FILE: string = fileURLToPath(new URL('../../dist/register.cjs', import.meta.url));

/** Attributes that a series has; `undefined` for one it has not. */
export type AttributesSought = Readonly<Record<string, string | number | undefined>>;

export interface Delivered {
  readonly spans: readonly OtlpSpan[];
  readonly metrics: readonly OtlpMetric[];
  readonly logs: readonly OtlpLog[];
}

/** What has arrived at a collector, by name and attributes. */
export class Observed {
  readonly #delivered: Delivered;

  constructor(delivered: Delivered) {
    this.#delivered = delivered;
  }

  get spans(): readonly OtlpSpan[] {
    return this.#delivered.spans;
  }

  get metrics(): readonly OtlpMetric[] {
    return this.#delivered.metrics;
  }

  get logs(): readonly OtlpLog[] {
    return this.#delivered.logs;
  }

  /** The newest point of each series that has these attributes, and the resource it comes from. */
  series(name: string, sought: AttributesSought = {}): (OtlpPoint & { readonly resource: OtlpAttributes })[] {
    const newest = new Map<string, OtlpPoint & { readonly resource: OtlpAttributes }>();
    for (const metric of this.#delivered.metrics) {
      if (metric.name !== name) continue;
      for (const point of metric.points) {
        if (!hasAll(point.attributes, sought)) continue;
        const key = JSON.stringify([metric.resource['process.pid'], sorted(point.attributes)]);
        const known = newest.get(key);
        if (known === undefined || known.timeUnixNs <= point.timeUnixNs) {
          newest.set(key, { ...point, resource: metric.resource });
        }
      }
    }
    return [...newest.values()];
  }

  /** The values of these series added up; undefined when there is none. */
  sum(name: string, sought: AttributesSought = {}): number | undefined {
    const found = this.series(name, sought);
    return found.length === 0 ? undefined : found.reduce((total, { value }) => total + value, 0);
  }

  /** How many durations the histograms of these series hold. */
  count(name: string, sought: AttributesSought = {}): number {
    return this.series(name, sought).reduce((total, { histogram }) => total + (histogram?.count ?? 0), 0);
  }

  /** The seconds a thread spent in each state. */
  states(threadName: string): Record<string, number> {
    const series = this.series('gridwatch.thread.state.time', { 'thread.name': threadName });
    return Object.fromEntries(
      series.map(({ attributes, value }) => [attributes['gridwatch.thread.state'] as string, value]),
    );
  }

  /** `thread.name` of every worker whose start was told of, sorted; twice where it was told of twice. */
  startedThreads(): string[] {
    const starts = this.spans.filter(({ name }) => name.startsWith('worker.start '));
    return starts.map(({ attributes }) => attributes['thread.name'] as string).toSorted();
  }
}

function sorted(attributes: OtlpAttributes): [string, unknown][] {
  return Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function hasAll(attributes: OtlpAttributes, sought: AttributesSought): boolean {
  return Object.entries(sought).every(([key, value]) => attributes[key] === value);
}

export interface ObservedProgram extends AsyncDisposable {
  readonly receiver: OtlpReceiver;
  readonly running: RunningNode;
  /** What has arrived so far. */
  readonly observed: Observed;
}

/** Starts a program under the agent. Whoever calls it disposes of it: a program that still runs is killed. */
export async function startObserved(options: RunOptions): Promise<ObservedProgram> {
  const receiver = await OtlpReceiver.start();
  let running: RunningNode;
  try {
    const env = observedEnv(receiver.url, options.env);
    running = startNode({ withAgent: true, registerFile: BUILT_REGISTER_FILE, ...options, env });
  } catch (error) {
    await receiver.stop();
    throw error;
  }
  return {
    receiver,
    running,
    observed: new Observed(receiver),
    [Symbol.asyncDispose]: async () => {
      running.child.kill('SIGKILL');
      await running.ended;
      await receiver.stop();
    },
  };
}

/** Runs a program under the agent to its end, and gives back how it ended and what was delivered. */
export async function observe(options: RunOptions): Promise<{ result: RunResult; observed: Observed }> {
  await using program = await startObserved(options);
  const result = await program.running.ended;
  return { result, observed: program.observed };
}

/** What a program of a test may take to deliver at its end. By default it is two seconds, which on a machine with twenty programs to a core are over before the agent has begun. */
const EXIT_TIMEOUT_MS = '40000';
/** For programs whose end must not wait for longer than that of a user's. */
export const DEFAULT_EXIT: NonNullable<RunOptions['env']> = { GRIDWATCH_EXIT_TIMEOUT_MS: undefined };

/** The environment of an observed program: no periodic export falls into a short run unless the test asks for it. */
function observedEnv(url: string, env: RunOptions['env']): NonNullable<RunOptions['env']> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    GRIDWATCH_HOST_METRICS: 'off',
    GRIDWATCH_LOG: 'text',
    GRIDWATCH_EXIT_TIMEOUT_MS: EXIT_TIMEOUT_MS,
    ...env,
  };
}
