/**
 * Next.js under the agent: a build prints what it prints without, the server answers the same, and the threads and processes that they start are seen. The
 * commands are those of the README.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Command, compare, expectOneService } from './compare.ts';
import { type InstalledProject, installProject } from './installed-project.ts';

/** A first install, four builds, and two servers. */
const TEST_MS = 600_000;
const NEXT = 'node_modules/next/dist/bin/next';

/** Next.js ends the processes of a build by a signal. */
const ENV = { GRIDWATCH_SIGNALS: 'SIGTERM,SIGINT', NEXT_TELEMETRY_DISABLED: '1', CI: '1' };

test('next build and next start', { timeout: TEST_MS }, async ({ skip }) => {
  const project = await installProject('next');
  if ('reason' in project) return skip(project.reason);
  const BUILD_FOLDER = `.next-${randomUUID()}`;
  const removeBuild = async (): Promise<void> =>
    rm(join(project.folder, BUILD_FOLDER), { recursive: true, force: true });
  try {
    const build = { ...commandOf(project, ['build'], { BUILD_FOLDER }), prepare: removeBuild };
    await expectBuiltInThreads({ ...build, env: { ...build.env, BUILD_IN: 'threads' } });
    await expectBuiltInProcesses(build);
    const start = ['start', '--hostname', '127.0.0.1', '--port', '0'];
    await expectServed(commandOf(project, start, { BUILD_FOLDER }));
  } finally {
    await removeBuild();
  }
});

function commandOf(project: InstalledProject, args: readonly string[], env: Readonly<Record<string, string>>): Command {
  return { project, args: [NEXT, ...args], route: 'NODE_OPTIONS', env: { ...ENV, ...env } };
}

async function expectBuiltInThreads(command: Command): Promise<void> {
  const { without, withAgent, observed } = await compare(command);
  expect(without.exitCode).toBe(0);
  expect(withAgent).toEqual(without);
  expect(observed.startedThreads()).toContain('worker-1');
  expectOneService(observed, 'beside-next');
}

async function expectBuiltInProcesses(command: Command): Promise<void> {
  const { without, withAgent, observed } = await compare(command);
  expect(without.exitCode).toBe(0);
  expect(withAgent).toEqual(without);
  const resources = expectOneService(observed, 'beside-next');
  expect(new Set(resources.map((resource) => resource['process.pid'])).size).toBeGreaterThan(1);
}

async function expectServed(command: Command): Promise<void> {
  const paths = ['/', '/squares/7', '/nowhere'];
  const { without, withAgent, observed } = await compare({ ...command, paths, ready: 'Ready in' });
  expect(without.answers[1]).toMatchObject({ status: 200, body: '{"square":49}' });
  expect(withAgent).toEqual(without);
  expect(observed.startedThreads()).toContain('squares');
  expectOneService(observed, 'beside-next');
}
