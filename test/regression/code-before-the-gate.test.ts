/**
 * In a worker, what runs before the gate could start a thread: a loader's, which Node starts when the first ES module is loaded, or one of another
 * preload. Node sends such a thread a copy of all environment data. The ticket was among it, with a port in it that cannot be copied, and the
 * worker failed with a DataCloneError. Runs in a test process; the programs in processes of their own.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { defaultNode } from '../support/nodes.ts';
import { BUILT_REGISTER_FILE, observe } from '../support/observe.ts';
import { outcomeOf } from '../support/outcome.ts';
import { runNode } from '../support/run-node.ts';

const file = (name: string): string => fileURLToPath(new URL(`../fixtures/preloads/${name}`, import.meta.url));
const LOADER = ['--no-warnings', '--experimental-loader', file('loader.mjs')];
const ANOTHER = ['--require', file('starts-worker.cjs')];
const PRINTED = ['depth 0: undefined', 'depth 1: undefined', 'depth 2: undefined', 'nested: 0', 'programs: 0'];

describe.each(['--require', '--import'])('%s', (flag) => {
  const gate = [flag, BUILT_REGISTER_FILE];

  test.each([
    ['a loader', LOADER, []],
    ['a preload that starts a worker', [], ANOTHER],
    ['both', LOADER, ANOTHER],
  ])('%s, and the program runs as without', async (_, before, after) => {
    const args = [...before, ...after];
    const node = defaultNode();
    const without = outcomeOf(await runNode({ node, args: [...args, file('program.cjs')] }));
    const options = { node, args: [...args, ...gate, file('program.cjs')], withAgent: false };
    const { result, observed } = await observe(options);
    expect({ ...outcomeOf(result), stdout: '' }).toEqual({ ...without, stdout: '' });
    expect(result.stdout.trim().split('\n').toSorted()).toEqual(PRINTED);
    expect(observed.startedThreads()).toEqual(expect.arrayContaining(['nested', 'programs']));
  });
});
