/**
 * `gridwatch/instrumentations` of the built package in a program with an SDK of its own, on every Node, for CommonJS and ES modules: what it measures alone, and that
 * beside the agent everything is told once, by the agent.
 */
import { describe, expect, it } from 'vitest';
import type { NodeBinary } from '../support/nodes.ts';
import { BUILT_REGISTER_FILE } from '../support/observe.ts';
import { runNode } from '../support/run-node.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const { present, missing } = await findTestedNodes();
const FOLDER = './test/fixtures/apps';
const SDK = `${FOLDER}/instrumented-sdk.cjs`;
/** Nobody listens there: what the agent has counted is read in the program itself. */
const ENV = {
  OTEL_TRACES_EXPORTER: 'none',
  OTEL_LOGS_EXPORTER: 'none',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
  GRIDWATCH_EXIT_TIMEOUT_MS: '0',
  GRIDWATCH_LOG: 'off',
};

/** How long the program holds what others wait for. */
const HOLD_MS = 30;

interface Span {
  readonly name: string;
  readonly parent?: string;
  readonly outcome?: string;
  readonly status: number;
  readonly ms: number;
}

interface Seen {
  readonly metrics: Record<string, number>;
  readonly spans: readonly Span[];
  readonly counted: Record<string, Record<string, number>>;
}

async function run(node: NodeBinary, args: readonly string[]): Promise<Seen> {
  const { stdout, stderr, exitCode } = await runNode({ args: ['--no-warnings', ...args], node, env: ENV });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  const [metrics, spans, counted] = stdout.trimEnd().split('\n');
  return {
    metrics: JSON.parse(metrics ?? '') as Seen['metrics'],
    spans: JSON.parse(spans ?? '') as Seen['spans'],
    counted: JSON.parse(counted ?? '') as Seen['counted'],
  };
}

/** A library without anything refused or left over. */
function metricsOf(library: string, items: number, threads: Record<string, number>): Record<string, number> {
  const values = {
    'queue.arrivals': items,
    'queue.completions': items,
    'queue.rejections': 0,
    'queue.aborts': 0,
    'queue.size': 0,
    'queue.oldest_item.age': 0,
    'queue.wait.duration': items,
    'queue.service.duration': items,
    'pool.thread.limit': 1,
  };
  const ofThreads = Object.entries(threads).map(([state, count]) => [`pool.thread.count ${library} ${state}`, count]);
  return {
    ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`${name} ${library}`, value])),
    ...Object.fromEntries(ofThreads),
  };
}

const ONE_IDLE = { active: 0, idle: 1 };

/** Of what was done while they were disabled nothing is counted; what was done after that is. */
const METRICS = {
  ...metricsOf('piscina', 4, ONE_IDLE),
  ...metricsOf('tinypool', 1, ONE_IDLE),
  ...metricsOf('workerpool', 2, ONE_IDLE),
  ...metricsOf('poolifier', 2, ONE_IDLE),
  ...metricsOf('p-queue', 3, {}),
  ...metricsOf('fastq', 2, {}),
  ...metricsOf('pg-pool', 2, ONE_IDLE),
};

/** The agent counts all of it, once: what it is told is not for an instrumentation to end. */
const COUNTED = {
  piscina: { arrivals: 5, completions: 5, errors: 1 },
  tinypool: { arrivals: 1, completions: 1, errors: 0 },
  workerpool: { arrivals: 2, completions: 2, errors: 1 },
  poolifier: { arrivals: 2, completions: 2, errors: 1 },
  'p-queue': { arrivals: 5, completions: 5, errors: 0 },
  fastq: { arrivals: 2, completions: 2, errors: 1 },
  'pg-pool': { arrivals: 3, completions: 3, errors: 0 },
};

function countedOf(cells: Seen['counted']): Record<string, Record<string, number>> {
  const found: Record<string, Record<string, number>> = {};
  for (const [name, cell] of Object.entries(cells)) {
    const counts = (found[name.replace(/@.*/, '')] ??= { arrivals: 0, completions: 0, errors: 0 });
    for (const count of Object.keys(counts)) counts[count] = (counts[count] as number) + (cell[count] as number);
  }
  return found;
}

describe.each(missing)('without a Node to run on', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

const OTEL_HOOK = '--experimental-loader=@opentelemetry/instrumentation/hook.mjs';

describe.each(present)('on Node $version', (node) => {
  it.each([
    [['--require', SDK, `${FOLDER}/instrumented-queues.cjs`]],
    [['--import', SDK, `${FOLDER}/instrumented-queues.mjs`]],
    [[OTEL_HOOK, '--import', SDK, `${FOLDER}/instrumented-queues.mjs`]],
  ])('%j: measured with the SDK of the program', async (args) => {
    const { metrics, spans, counted } = await run(node, args);
    expect(metrics).toEqual(METRICS);
    expect(counted).toEqual({});

    const tasks = spans.filter(({ name }) => name.startsWith('task '));
    const ofLibrary = (library: string): Span[] => tasks.filter(({ name }) => name.startsWith(`task ${library}@`));
    for (const task of tasks) expect(task.parent).toBe('request');
    /* Each task of a pool in a sampled trace, whose work fails or not; of the others those that had to wait. */
    expect(ofLibrary('piscina').map(({ outcome, status }) => ({ outcome, status }))).toEqual(
      expect.arrayContaining([
        { outcome: 'done', status: 0 },
        { outcome: 'failed', status: 2 },
      ]),
    );
    expect(ofLibrary('piscina')).toHaveLength(3);
    expect(ofLibrary('tinypool')).toHaveLength(1);
    for (const library of ['workerpool', 'poolifier'])
      expect(ofLibrary(library).map(({ outcome }) => outcome)).toEqual(expect.arrayContaining(['done', 'failed']));
    for (const [library, place] of [
      ['p-queue', `p-queue@test/fixtures/apps/instrumented-queues-run.cjs`],
      ['pg-pool', `pg-pool@test/fixtures/apps/instrumented-queues-run.cjs`],
    ] as const) {
      const last = ofLibrary(library).at(-1);
      expect(last).toMatchObject({ outcome: 'done', name: expect.stringContaining(`task ${place}:`) as unknown });
      /* It has waited for the one before, and held what that had held. */
      expect(last?.ms).toBeGreaterThanOrEqual(2 * (HOLD_MS - 1));
      const wait = spans.find(({ name, parent }) => name.startsWith(`queue.wait ${place}:`) && parent === last?.name);
      expect(wait?.ms).toBeGreaterThanOrEqual(20);
    }
    expect(ofLibrary('fastq')).toEqual([]);
  });

  it.each([
    [['--require', BUILT_REGISTER_FILE, '--require', SDK, `${FOLDER}/instrumented-queues.cjs`]],
    [['--require', SDK, '--require', BUILT_REGISTER_FILE, `${FOLDER}/instrumented-queues.cjs`]],
    [['--require', BUILT_REGISTER_FILE, '--import', SDK, `${FOLDER}/instrumented-queues.mjs`]],
    [[OTEL_HOOK, '--require', BUILT_REGISTER_FILE, '--import', SDK, `${FOLDER}/instrumented-queues.mjs`]],
  ])('%j: with the agent, told to the agent alone, and once', async (args) => {
    const { metrics, spans, counted } = await run(node, args);
    expect(metrics).toEqual({});
    expect(spans.map(({ name }) => name)).toEqual(['request']);
    expect(countedOf(counted)).toEqual(COUNTED);
  });
});
