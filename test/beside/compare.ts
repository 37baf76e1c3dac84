/**
 * Runs a command as it is written for a user, once without the agent and once with it, and gives back what of the two can be compared, and what the
 * agent has delivered. Runs in a test's own process.
 */
import { expect } from 'vitest';
import type { OtlpAttributes } from '../../agent/cli/otlp-decode.ts';
import { eventually } from '../support/eventually.ts';
import { defaultNode, type NodeBinary } from '../support/nodes.ts';
import { type Observed, startObserved } from '../support/observe.ts';
import { type Outcome, outcomeOf } from '../support/outcome.ts';
import type { AgentRoute, RunOptions } from '../support/run-node.ts';
import type { InstalledProject } from './installed-project.ts';

/** A cold start of the largest of them takes seconds, a build half a minute, and the machine may be busy. */
const DEADLINE_MS = 120_000;

export interface Command {
  readonly project: InstalledProject;
  /** What follows `node`, as the README has it, with the gate among it unless `route` says otherwise. */
  readonly args: readonly string[];
  /** The same without the gate; by default `args` without it. */
  readonly argsWithout?: readonly string[];
  /** For commands that cannot be changed. */
  readonly route?: AgentRoute;
  readonly env?: Readonly<Record<string, string>>;
  readonly node?: NodeBinary;
  /** Made ready before each of the two runs. */
  readonly prepare?: () => Promise<void>;
  /** What a server is asked, until it is told to end by SIGTERM; without, the command ends by itself. */
  readonly paths?: readonly string[];
  /** What a server prints when it can be asked. */
  readonly ready?: string;
}

interface Answer {
  readonly status: number;
  readonly contentType: string | null;
  readonly body: string;
}

export interface Behaviour extends Outcome {
  readonly answers: readonly Answer[];
}

export interface Comparison {
  readonly without: Behaviour;
  readonly withAgent: Behaviour;
  /** What the program has delivered itself, without the agent. */
  readonly observedWithout: Observed;
  readonly observed: Observed;
}

export async function compare(command: Command): Promise<Comparison> {
  const { behaviour: without, observed: observedWithout } = await run(command, false);
  /* Were the agent in there as well, nothing would be compared. */
  expect(ofAgent(observedWithout)).toEqual([]);
  const { behaviour: withAgent, observed } = await run(command, true);
  return { without, withAgent, observedWithout, observed };
}

/** Everything the agent has delivered is of one service, and of one instance for each process; gives back the resources. */
export function expectOneService(observed: Observed, serviceName: string): OtlpAttributes[] {
  const resources = ofAgent(observed);
  expect(resources.length).toBeGreaterThan(0);
  expect(new Set(resources.map((resource) => resource['service.name']))).toEqual(new Set([serviceName]));
  const idsOf = (name: string): Set<unknown> => new Set(resources.map((resource) => resource[name]));
  expect(idsOf('service.instance.id').size).toBe(idsOf('process.pid').size);
  return resources;
}

function ofAgent({ spans, metrics, logs }: Observed): OtlpAttributes[] {
  return [...spans, ...metrics, ...logs].filter(({ scope }) => scope.name === 'gridwatch').map((item) => item.resource);
}

async function run(command: Command, isWithAgent: boolean): Promise<{ behaviour: Behaviour; observed: Observed }> {
  await command.prepare?.();
  await using program = await startObserved(optionsOf(command, isWithAgent));
  const { running, observed } = program;
  const answers: Answer[] = [];
  if (command.paths !== undefined) {
    await running.waitForOutput(command.ready ?? 'listening on ');
    const port = await eventually('the port', () => portIn(running.stdout()));
    for (const path of command.paths) answers.push(await ask(`http://127.0.0.1:${port}${path}`));
    running.child.kill('SIGTERM');
  }
  const result = await running.ended;
  const { stdout, stderr, ...how } = outcomeOf(result);
  return { behaviour: { stdout: withoutTimes(stdout), stderr: withoutTimes(stderr), ...how, answers }, observed };
}

function optionsOf({ project, args, argsWithout, route, env, node }: Command, isWithAgent: boolean): RunOptions {
  const common = { cwd: project.folder, node: node ?? defaultNode(), deadlineMs: DEADLINE_MS, env: env ?? {} };
  if (route !== undefined) {
    return { ...common, args, withAgent: isWithAgent && route, registerFile: project.registerFile };
  }
  return { ...common, args: isWithAgent ? args : (argsWithout ?? withoutGate(args)), withAgent: false };
}

function withoutGate(args: readonly string[]): string[] {
  return args.filter((argument, i) => argument !== 'gridwatch/register' && args[i + 1] !== 'gridwatch/register');
}

/** Of `listening on 1234` or a URL. */
function portIn(text: string): string | undefined {
  return /(?:listening on |http:\/\/(?:localhost|127\.0\.0\.1):)(\d+)/.exec(text)?.[1];
}

async function ask(url: string): Promise<Answer> {
  const response = await fetch(url);
  return {
    status: response.status,
    contentType: response.headers.get('content-type'),
    body: await response.text(),
  };
}

function withoutTimes(text: string): string {
  return text
    .replaceAll(/(listening on |http:\/\/[\w.]+:)\d+/g, '$1PORT')
    .replaceAll(/\b\d+(?:\.\d+)? ?(?:ms|s|seconds)\b/g, 'TIME');
}
