/**
 * Servers under the agent answer, log and end as without it; the threads of their frameworks and pools are seen, under one identity. The commands are
 * those of the README.
 */
import { describe, expect, test } from 'vitest';
import { compare, expectOneService } from './compare.ts';
import { installProject, type ProjectName } from './installed-project.ts';

/** A first install, and two runs. */
const TEST_MS = 300_000;

interface Server {
  readonly name: ProjectName;
  readonly command: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly paths: readonly string[];
  readonly workers: readonly string[];
}

const SERVERS: readonly Server[] = [
  {
    name: 'express',
    command: '--require gridwatch/register app.js',
    paths: ['/squares/7', '/fails', '/nowhere'],
    workers: ['worker-1'],
  },
  {
    name: 'express',
    command: '--import gridwatch/register app.js',
    paths: ['/squares/7', '/fails', '/nowhere'],
    workers: ['worker-1'],
  },
  {
    name: 'fastify',
    command: '--require gridwatch/register app.js',
    paths: ['/squares/7', '/squares/seven', '/nowhere'],
    workers: ['pino/file'],
  },
  {
    name: 'nest',
    command: '--require gridwatch/register built/main.js',
    paths: ['/squares/7', '/squares/seven', '/nowhere'],
    workers: ['squares'],
  },
  ...[
    '--require dd-trace/init --require gridwatch/register',
    '--require gridwatch/register --require dd-trace/init',
  ].map(
    (gate): Server => ({
      name: 'dd-trace',
      command: `${gate} app.js`,
      env: { DD_TRACE_STARTUP_LOGS: 'false', DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false' },
      paths: ['/squares/7'],
      workers: ['squares'],
    }),
  ),
];

describe.for(SERVERS)('$name, node $command', { timeout: TEST_MS }, ({ name, command, env, paths, workers }) => {
  test('as without', async ({ skip }) => {
    const project = await installProject(name);
    if ('reason' in project) return skip(project.reason);
    const { without, withAgent, observed } = await compare({
      project,
      args: command.split(' '),
      env: env ?? {},
      paths,
    });
    expect(withAgent).toEqual(without);
    expect(without.answers[0]).toMatchObject({ status: 200, body: '{"square":49}' });
    expect(without.stderr).toBe('');
    expect(observed.startedThreads()).toEqual(workers);
    expectOneService(observed, `beside-${name}`);
  });
});
