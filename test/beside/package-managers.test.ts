/**
 * However the package is installed, the agent is found from the program's folder, and the program does as without it. The commands are those of
 * the README.
 */
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
  test.for(['--require gridwatch/register app.js', '--import gridwatch/register app.js'])('node %s', async (args, { skip }) => {
    const project = await installProject('pnpm');
    if ('reason' in project) return skip(project.reason);
    await expectSame({ project, args: args.split(' ') }, '1 4 9 16\n', 'beside-pnpm', 2);
  });
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
    const command_ = { project, args: program === 'yarn' ? [file, ...args] : args, env };
    await expectSame(command_, '1 4 9 16\n', 'beside-yarn', 2);
  });
});
