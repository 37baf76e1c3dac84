/**
 * The programs that the e2e tests start, under the agent as installed: the shop, incidents, one whose workers fail, and others. Runs in a test's own process; each
 * program is a process of its own, and ends at the latest with its test.
 */
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { firstLine } from '../support/first-line.ts';
import { BUILT_REGISTER_FILE } from '../support/observe.ts';
import { QuotaGroup, removeGroups } from '../support/quota-group.ts';
import { type RunningNode, type RunOptions, startNode } from '../support/run-node.ts';

/** Often enough for a test to see several; in a service it is 15 s. */
const METRICS_EVERY_MS = 5_000;
const DEADLINE_MS = 240_000;
const TWO_SERVICES = fileURLToPath(new URL('../fixtures/apps/two-services.mjs', import.meta.url));
/** An incident goes on for as long as a machine that is busy with all of them needs. */
const INCIDENT_MS = 900_000;
const FAILING_WORKERS = fileURLToPath(new URL('../fixtures/apps/failing-workers.cjs', import.meta.url));

export type Program = RunningNode & AsyncDisposable;
type Environment = NonNullable<RunOptions['env']>;

/** `env` says how long, how hard, and where to. */
export function startShop(env: Environment): Program {
  return start('examples/shop/server.js', { OTEL_METRIC_EXPORT_INTERVAL: String(METRICS_EVERY_MS), ...env });
}

/** Two kinds of requests and one lock; it ends by itself. */
export function startContendedLock(env: Environment): Program {
  return start('examples/contended-lock/main.js', env);
}

/** Requests that go through a pool and a nested worker; it ends by itself. */
export function startTracedPipeline(env: Environment): Program {
  return start('examples/traced-pipeline/main.js', env);
}

/** Starts a worker that fails, and then the next, and writes a line with its number for each; SIGTERM ends it. */
export function startFailingWorkers(env: Environment): Program {
  return start(FAILING_WORKERS, env);
}

/** A service of two that are called one by the other, see there; SIGTERM ends it. */
export function startService(name: string, env: Environment): Program {
  return start(TWO_SERVICES, { OTEL_SERVICE_NAME: name, ...env });
}

/** One of `examples/incidents/`: SIGKILL ends it. With a quota it is in a control group of its own. */
export function startIncident(name: string, twin: 'broken' | 'fixed', env: Environment, quotaCpus?: number): Program {
  const group = quotaCpus === undefined ? undefined : new QuotaGroup(quotaCpus);
  return start(`examples/incidents/${name}/${twin}.js`, { GRIDWATCH_HOST_METRICS: 'off', ...env }, INCIDENT_MS, group);
}

/* A test that has taken too long does not dispose of its programs. */
afterAll(removeGroups);

function start(file: string, env: Environment, deadlineMs: number = DEADLINE_MS, group?: QuotaGroup): Program {
  const running = startNode({
    withAgent: true,
    registerFile: BUILT_REGISTER_FILE,
    args: [file],
    // Other processes of this machine may have claimed to tell of it.
    env: { GRIDWATCH_HOST_METRICS: 'on', GRIDWATCH_LOG: 'text', ...env },
    deadlineMs,
    ...(group === undefined ? {} : { groupFolder: group.folder }),
  });
  return disposable(running, group);
}

function disposable(running: RunningNode, group?: QuotaGroup): Program {
  const end = async (): Promise<void> => {
    running.child.kill('SIGKILL');
    await running.ended;
    await group?.[Symbol.asyncDispose]();
  };
  return { ...running, [Symbol.asyncDispose]: end };
}

/** A service's address, once it serves. */
export async function addressOf(service: Program): Promise<string> {
  const line = await firstLine(service.child);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
  if (url === undefined) throw new Error(`the service did not open: ${line}`);
  return url;
}

/** The requests its load generator had an answer to; throws when one had none. */
export function answeredRequests(stdout: string): number {
  const [, answered, failed] = /(\d+) requests answered, (\d+) failed/.exec(stdout) ?? [];
  if (answered === undefined || failed !== '0') throw new Error(`the shop's load did not end well: ${stdout}`);
  return Number(answered);
}
