/**
 * Programs in TypeScript, however it is made to run: they do as without the agent, and their workers, which are in TypeScript too, are seen. The commands
 * are those of the README.
 */
import { describe, expect, test } from 'vitest';
import { findNode } from '../support/nodes.ts';
import { type Command, compare, expectOneService } from './compare.ts';
import { installProject } from './installed-project.ts';

const TEST_MS = 300_000;

/** Starts a Node of its own, to which it passes Node's options. */
const TSX = 'node_modules/tsx/dist/cli.mjs';

async function expectSame(command: Command): Promise<void> {
  const { without, withAgent, observed } = await compare(command);
  expect(without).toMatchObject({ stdout: '49\n', exitCode: 0 });
  expect(withAgent).toEqual(without);
  expect(observed.startedThreads()).toContain('squares');
  expectOneService(observed, 'beside-typescript');
}

describe('a program in TypeScript', { timeout: TEST_MS }, () => {
  test.for([
    '--import tsx --require gridwatch/register app.mts',
    '--import tsx --import gridwatch/register app.mts',
    '--import gridwatch/register --import tsx app.mts',
    `${TSX} --require gridwatch/register app.mts`,
    `${TSX} --import gridwatch/register app.mts`,
    '--require ts-node/register --require gridwatch/register app.cts',
    '--require gridwatch/register --require ts-node/register app.cts',
    '--require gridwatch/register app.mts',
  ])('node %s', async (args, { skip }) => {
    const project = await installProject('typescript');
    if ('reason' in project) return skip(project.reason);
    await expectSame({ project, args: args.split(' ') });
  });

  test.for([
    '--experimental-strip-types --require gridwatch/register app.mts',
    '--experimental-strip-types --import gridwatch/register app.mts',
  ])('Node 22 %s', async (args, { skip }) => {
    const node = await findNode(22);
    if ('reason' in node) return skip(node.reason);
    const project = await installProject('typescript');
    if ('reason' in project) return skip(project.reason);
    await expectSame({ project, args: args.split(' '), node });
  });
});
