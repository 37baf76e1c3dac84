/**
 * However the package is installed, the agent is found from the program's folder, and the program does as without it. The commands are those of
 * the README.
 */
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Command, compare, expectOneService } from './compare.ts';
import { installProject, packageManager } from './installed-project.ts';

/** A first install, and two runs. */
const TEST_MS = 300_000;

async function expectSame(command: Command, stdout: string, serviceName: string, workers: number): Promise<void> {
  const { without, withAgent, observed } = await compare(command);
  expect(without).toMatchObject({ stdout, stderr: '', exitCode: 0 });
  expect(withAgent).toEqual(without);
  expect(observed.startedThreads()).toHaveLength(workers);
  expectOneService(observed, serviceName);
}

describe('pnpm', { timeout: TEST_MS }, () => {
  test.for(['--require gridwatch/register app.js', '--import gridwatch/register app.js'])(
    'node %s',
    async (args, { skip }) => {
      const project = await installProject('pnpm');
      if ('reason' in project) return skip(project.reason);
      await expectSame({ project, args: args.split(' ') }, '1 4 9 16\n', 'beside-pnpm', 2);
    },
  );
});

describe("Yarn's Plug'n'Play", { timeout: TEST_MS }, () => {
  test.for([
    'yarn node --require gridwatch/register app.js',
    'yarn node --import gridwatch/register app.js',
    'node --require ./.pnp.cjs --require gridwatch/register app.js',
  ])('%s', async (command, { skip }) => {
    const project = await installProject('yarn');
    if ('reason' in project) return skip(project.reason);
    const { file, env } = await packageManager('yarn');
    const [program, ...args] = command.split(' ');
    await expectSame(
      { project, args: program === 'yarn' ? [file, ...args] : args, env },
      '1 4 9 16\n',
      'beside-yarn',
      2,
    );
  });
});

test('npm workspaces: npm start --workspace service', { timeout: TEST_MS }, async ({ skip }) => {
  const project = await installProject('workspaces');
  if ('reason' in project) return skip(project.reason);
  const npm = (script: string): string[] => [npmFile(), 'run', script, '--silent', '--workspace', 'service'];
  const command = { project, args: npm('start'), argsWithout: npm('start:alone') };
  await expectSame(command, '49\n', 'beside-service', 1);
});

/** The npm that runs the tests, else the first of PATH. */
function npmFile(): string {
  const running = process.env['npm_execpath'];
  if (running?.endsWith('.js')) return running;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return realpathSync(folders.map((folder) => join(folder, 'npm')).find(existsSync) ?? 'npm');
}
