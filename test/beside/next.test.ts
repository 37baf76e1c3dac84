/**
 * Next.js under the agent: a build prints what it prints without, the server answers the same, and the threads and processes that both start are seen. The
 * commands are those of the README.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compare, expectOneService } from './compare.ts';
import { installProject } from './installed-project.ts';

/** A first install, two builds, and two servers. */
const TEST_MS = 600_000;
const NEXT = 'node_modules/next/dist/bin/next';

test('next build and next start', { timeout: TEST_MS }, async ({ skip }) => {
  const project = await installProject('next');
  if ('reason' in project) return skip(project.reason);
  const BUILD_FOLDER = `.next-${randomUUID()}`;
  const common = {
    project,
    route: 'NODE_OPTIONS',
    env: { BUILD_FOLDER, NEXT_TELEMETRY_DISABLED: '1', CI: '1' },
  } as const;
  const prepare = async (): Promise<void> => rm(join(project.folder, BUILD_FOLDER), { recursive: true, force: true });
  try {
    const build = await compare({ ...common, args: [NEXT, 'build'], prepare });
    expect(build.without.exitCode).toBe(0);
    expect(build.withAgent).toEqual(build.without);
    expectOneService(build.observed, 'beside-next');

    const paths = ['/', '/squares/7', '/nowhere'];
    const args = [NEXT, 'start', '--hostname', '127.0.0.1', '--port', '0'];
    const server = await compare({ ...common, args, paths, ready: 'Ready in' });
    expect(server.without.answers[1]).toMatchObject({ status: 200, body: '{"square":49}' });
    expect(server.withAgent).toEqual(server.without);
    expect(server.observed.startedThreads()).toContain('squares');
    expectOneService(server.observed, 'beside-next');
  } finally {
    await prepare();
  }
});
