/** Promise locks and Web Locks under the built agent, on every Node: the program sees what it sees without, and each class is counted. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { NodeBinary } from '../support/nodes.ts';
import { BUILT_REGISTER_FILE } from '../support/observe.ts';
import { runNode } from '../support/run-node.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const { present, missing } = await findTestedNodes();
/** Nobody listens there: what is counted is read in the program itself. */
const ENV = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', GRIDWATCH_EXIT_TIMEOUT_MS: '0', GRIDWATCH_LOG: 'off' };

interface Seen {
  readonly lines: readonly string[];
  readonly classes: Record<string, Record<string, number>> | undefined;
}

async function run(node: NodeBinary, args: readonly string[], withAgent: boolean, env = {}): Promise<Seen> {
  const [file = '', ...rest] = args;
  const path = fileURLToPath(new URL(`../fixtures/apps/${file}`, import.meta.url));
  const agent = withAgent ? { withAgent, registerFile: BUILT_REGISTER_FILE } : {};
  const result = await runNode({ args: [path, ...rest], node, env: { ...ENV, ...env }, ...agent });
  expect(result).toMatchObject({ stderr: '', exitCode: 0 });
  const lines = result.stdout.trimEnd().split('\n');
  const classes = /^classes (.*)$/.exec(lines.pop() ?? '')?.[1] ?? 'undefined';
  return { lines, classes: classes === 'undefined' ? undefined : (JSON.parse(classes) as Seen['classes']) };
}

const place = expect.stringMatching(/^test\/fixtures\/apps\/promise-locks-run\.cjs:\d+$/) as unknown;

describe.each(missing)('without a Node to run on', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

describe.each(present)('on Node $version', (node) => {
  it.each([
    [['promise-locks.cjs']],
    [['promise-locks.mjs']],
    [['promise-locks.cjs', 'worker']],
    [['promise-locks.mjs', 'worker']],
  ])('%j: the same for the program, and counted', async (args) => {
    const [without, withAgent] = await Promise.all([run(node, args, false), run(node, args, true)]);
    expect(withAgent.lines).toEqual(without.lines);
    expect(without.lines).toHaveLength(7);
    expect(without.classes).toBeUndefined();
    const classes = Object.entries(withAgent.classes ?? {});
    expect(classes.map(([name]) => name.split('@'))).toEqual([
      ['async-mutex', place],
      ['async-mutex', place],
      ['user-*'],
      ['async-sema', place],
      ['p-limit', place],
    ]);
    expect(classes.map(([, counts]) => counts)).toEqual([
      { acquisitions: 4, contentions: 2, timeouts: 1, aborts: 0 },
      { acquisitions: 3, contentions: 1, timeouts: 0, aborts: 0 },
      { acquisitions: 3, contentions: 1, timeouts: 0, aborts: 0 },
      { acquisitions: 2, contentions: 1, timeouts: 0, aborts: 0 },
      { acquisitions: 6, contentions: 2, timeouts: 0, aborts: 0 },
    ]);
  });

  it.each(['promise_locks', 'locks'])('nothing is patched with %s switched off', async (feature) => {
    const { classes } = await run(node, ['promise-locks.mjs'], true, { GRIDWATCH_FEATURES: `-${feature}` });
    expect(classes).toEqual({});
  });

  it('instrumentations measure with the SDK of the program, and with the agent where it runs', async () => {
    const output = async (withAgent: boolean): Promise<Record<string, unknown>[]> => {
      const agent = withAgent ? { withAgent, registerFile: BUILT_REGISTER_FILE } : {};
      const env = { ...ENV, OTEL_LOGS_EXPORTER: 'none' };
      const { stdout, stderr } = await runNode({
        args: ['test/fixtures/apps/instrumentations.cjs'],
        node,
        env,
        ...agent,
      });
      expect(stderr).toBe('');
      return stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const [withoutAgent, withAgent] = await Promise.all([output(false), output(true)]);
    expect(withoutAgent[0]?.['metrics']).toMatchObject({
      'gridwatch.lock.acquisitions async-mutex': 3,
      'gridwatch.lock.contentions async-mutex': 1,
      'gridwatch.lock.timeouts async-mutex': 1,
      'gridwatch.lock.waiter.count async-mutex': 0,
      'gridwatch.lock.wait.duration async-mutex': 1,
      'gridwatch.lock.hold.duration async-mutex': 3,
      'gridwatch.lock.contentions user-*': 1,
      'gridwatch.lock.acquisitions async-sema': 1,
    });
    expect(withoutAgent.slice(1)).toEqual([
      {
        name: expect.stringMatching(
          /^lock\.wait async-mutex@test\/fixtures\/apps\/instrumentations\.cjs:\d+$/,
        ) as unknown,
        isChildOfWaiter: true,
        isLinkedToHolder: true,
        outcome: 'acquired',
        site: 'test/fixtures/apps/instrumentations.cjs',
      },
    ]);
    expect(withAgent).toHaveLength(1);
    expect(withAgent[0]?.['metrics']).toEqual({});
    const classes = Object.values(withAgent[0]?.['classes'] as object) as object[];
    expect(classes[0]).toEqual({ acquisitions: 3, contentions: 1, timeouts: 1, aborts: 0 });
  });
});

describe.each(present.filter(({ major }) => major >= 24))('on Node $version, which has Web Locks', (node) => {
  it('the same for the program, and counted', async () => {
    const [without, withAgent] = await Promise.all([
      run(node, ['web-locks.cjs'], false),
      run(node, ['web-locks.cjs'], true),
    ]);
    expect(withAgent.lines).toEqual(without.lines);
    const { a, free, ...others } = withAgent.classes ?? {};
    expect(a?.['contentions']).toBeLessThanOrEqual(a?.['slow'] ?? 0);
    expect(free).toMatchObject({ acquisitions: 50, timeouts: 0, aborts: 0 });
    /* A free lock is given in a later turn. On a busy machine one or another takes so long that it counts as one for which there was a wait: none that the program had sooner. */
    expect(free?.['contentions']).toBeLessThanOrEqual(free?.['slow'] ?? 0);
    expect(free?.['contentions']).toBeLessThan(25);
    expect(others).toMatchObject({
      'order-*': { acquisitions: 1, contentions: 1, aborts: 1 },
      b: { acquisitions: 2 },
    });
  });
});
