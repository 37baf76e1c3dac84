/**
 * Pools of workers under the built agent, on every Node: what piscina, tinypool, workerpool and poolifier offer does what it does without, byte for byte, and what
 * is counted of each pool is what the program knows.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { NodeBinary } from '../support/nodes.ts';
import { BUILT_REGISTER_FILE } from '../support/observe.ts';
import { runNode } from '../support/run-node.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const { present, missing } = await findTestedNodes();
/** Nobody listens there: what is counted is read in the program itself. */
const ENV = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', GRIDWATCH_EXIT_TIMEOUT_MS: '0', GRIDWATCH_LOG: 'off' };

type Counts = Record<string, number | boolean>;

interface Counted {
  readonly cells?: Record<string, Counts>;
  readonly samples: readonly { readonly known: Counts; readonly counted?: Record<string, Counts> }[];
}

interface Seen {
  readonly lines: readonly string[];
  readonly counted: Counted;
}

async function run(node: NodeBinary, args: readonly string[], withAgent: boolean, env = {}): Promise<Seen> {
  const [file = '', ...rest] = args;
  const path = fileURLToPath(new URL(`../fixtures/pools/${file}`, import.meta.url));
  const agent = withAgent ? { withAgent, registerFile: BUILT_REGISTER_FILE } : {};
  const result = await runNode({ args: [path, ...rest], node, env: { ...ENV, ...env }, ...agent });
  expect(result).toMatchObject({ stderr: '', exitCode: 0 });
  const lines = result.stdout.trimEnd().split('\n');
  const [, counted = '{}'] = /^counted (.*)$/.exec(lines.pop() ?? '') ?? [];
  return { lines, counted: JSON.parse(counted) as Counted };
}

/** Of a pool that is no more. */
const CLOSED = { size: 0, capacity: 0, active: 0, threads: 0, limit: 0, isWaiting: false };

/** What each program has submitted, and how it ended: as the programs are written. */
const PROGRAMS = [
  {
    args: ['piscina.cjs'],
    cells: {
      'piscina@test/fixtures/pools/work.cjs': { arrivals: 45, completions: 36, rejections: 5, aborts: 9, errors: 8 },
      'piscina@test/fixtures/pools/piscina.cjs': { arrivals: 3, completions: 3, rejections: 0, aborts: 0, errors: 0 },
    },
  },
  {
    args: ['tinypool.mjs'],
    cells: {
      'tinypool@test/fixtures/pools/work.cjs': { arrivals: 29, completions: 24, rejections: 2, aborts: 5, errors: 6 },
    },
  },
  {
    args: ['workerpool.cjs'],
    cells: {
      'workerpool@test/fixtures/pools/workerpool-worker.cjs': {
        arrivals: 36,
        completions: 26,
        rejections: 1,
        aborts: 10,
        errors: 6,
      },
      'workerpool@test/fixtures/pools/workerpool.cjs': {
        arrivals: 1,
        completions: 1,
        rejections: 0,
        aborts: 0,
        errors: 0,
      },
    },
  },
  ...[['poolifier.mjs'], ['poolifier.mjs', 'commonjs']].map((args) => ({
    args,
    cells: {
      'poolifier@test/fixtures/pools/poolifier-worker.cjs': {
        arrivals: 43,
        completions: 40,
        rejections: 1,
        aborts: 3,
        errors: 2,
      },
      'poolifier@test/fixtures/pools/poolifier-cluster-worker.cjs': {
        arrivals: 8,
        completions: 8,
        rejections: 0,
        aborts: 0,
        errors: 2,
      },
    },
  })),
];

/** The cells by the name of their pool, without the line of its construction. */
function byFile({ cells = {} }: Counted): Record<string, Counts> {
  return Object.fromEntries(Object.entries(cells).map(([name, counts]) => [name.replace(/:\d+$/, ''), counts]));
}

describe.each(missing)('without a Node to run on', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

describe.each(present)('on Node $version', (node) => {
  it.each(PROGRAMS)('$args: the same for the program, and counted', async ({ args, cells }) => {
    const without = await run(node, args, false);
    const withAgent = await run(node, args, true);
    expect(withAgent.lines).toEqual(without.lines);
    expect(without.lines.length).toBeGreaterThan(14);
    expect(without.counted.cells).toBeUndefined();
    const expected = Object.entries(cells).map(([name, counts]) => [name, { ...counts, ...CLOSED }]);
    expect(byFile(withAgent.counted)).toEqual(Object.fromEntries(expected));
    expect(withAgent.counted.samples).not.toHaveLength(0);
    for (const { known, counted = {} } of withAgent.counted.samples) {
      const [cell = {}] = Object.values(counted);
      expect({ ...cell, outstanding: Number(cell['size']) + Number(cell['active']) }).toMatchObject(known);
    }
  });

  it('nothing is patched with pools switched off', async () => {
    const { counted } = await run(node, ['tinypool.mjs'], true, { GRIDWATCH_FEATURES: '-pools' });
    expect(counted.cells).toEqual({});
  });
});
