/**
 * The agent is invisible: every program of `test/fixtures/apps` is run without it and with it, and whatever a shell sees of
 * the two must be the same: standard output and errors, exit status, signal. That the agent was really there is seen at
 * the collector it ships to.
 *
 * `GRIDWATCH_TEST_CONTROL=1` leaves the agent out of the second run too: what then differs is the program's own doing.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROGRAMS, type Program } from '../fixtures/apps/programs.ts';
import { buildAgent } from '../support/build-agent.ts';
import { type Outcome, outcomeOf } from '../support/outcome.ts';
import { type AgentRoute, type RunOptions, startNode } from '../support/run-node.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const APPS = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));
const IS_CONTROL = process.env['GRIDWATCH_TEST_CONTROL'] === '1';

const { present, missing } = await findTestedNodes();

/** A collector that says yes to everything, and remembers who has sent it something. */
const senders = new Set<string>();
let collector: Server;
let collectorUrl = '';
let registerFile = '';

beforeAll(async () => {
  registerFile = await buildAgent();
  collector = createServer((request, response) => {
    senders.add(request.url?.split('/')[1] ?? '');
    request.resume().on('end', () => response.end());
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  collectorUrl = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});
afterAll(async () => {
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
});

async function run(program: Program, options: Partial<RunOptions>): Promise<Outcome> {
  const { args, stdin = '', signal } = program;
  const running = startNode({ args, stdin, cwd: APPS, ...options });
  if (signal !== undefined) {
    await running.waitForOutput('ready\n');
    running.child.kill(signal);
  }
  return outcomeOf(await running.ended);
}

/** A busy machine may take its time: what is compared is how a program ends, not when. */
function agentEnvironment(sender: string): Record<string, string> {
  const endpoint = `${collectorUrl}/${sender}`;
  return { GRIDWATCH_LOG: 'off', GRIDWATCH_EXIT_TIMEOUT_MS: '20000', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
}

describe.each(missing)('without a Node to run on', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

describe.each(present)('on Node $version', (node) => {
  const programs = PROGRAMS.filter(({ minMajor = 0 }) => node.major >= minMajor);
  const cases = programs.flatMap((program) => {
    const routes: AgentRoute[] = program.hasChildren ? ['require', 'import', 'NODE_OPTIONS'] : ['require'];
    return routes.map((route) => ({ program, route, title: `${program.name}, by ${route}` }));
  });

  it.each(cases)('$title', async ({ program, route, title }) => {
    const sender = `${node.version} ${title}`.replaceAll(/[^\w.-]+/g, '-');
    const common = { node, env: { ...program.env, ...agentEnvironment(sender) } };
    const [without, withAgent] = await Promise.all([
      run(program, common),
      run(program, IS_CONTROL ? common : { ...common, registerFile, withAgent: route }),
    ]);
    expect(withAgent).toEqual(without);
    expect(senders.has(sender) || IS_CONTROL || program.isCutOff).toBe(true);
  });
});
