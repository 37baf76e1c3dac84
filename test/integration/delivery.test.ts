/**
 * Everything recorded is delivered, however the program or its workers end. Programs really end, under the agent, and a
 * collector shows what arrived; none lives long enough for a periodic export, so all of it came with the exit's flush.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { NodeBinary } from '../support/nodes.ts';
import { type Observed, observe, startObserved } from '../support/observe.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const APPS = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));

const { present, missing } = await findTestedNodes();

/** The kernel counts the start of a process in these. */
const TICK_S = 0.01;

/** How `records.cjs` ends, and how its worker `job` does: by `error.type`, 'clean', or alive when the process ends. */
interface Way {
  readonly way: string;
  readonly worker: 'clean' | 'exit_code' | 'uncaught' | 'terminated' | 'alive';
  readonly exitCode?: number;
  readonly signal?: NodeJS.Signals;
  readonly env?: Readonly<Record<string, string>>;
  readonly diesOf?: NodeJS.Signals;
}

const WAYS: readonly Way[] = [
  { way: 'natural', worker: 'clean' },
  { way: 'exit', worker: 'clean', exitCode: 7 },
  { way: 'exit-in-timer', worker: 'clean', exitCode: 7 },
  { way: 'exit-in-exit-listener', worker: 'clean', exitCode: 9 },
  { way: 'exit-while-worker-runs', worker: 'alive', exitCode: 7 },
  { way: 'exit-while-worker-is-parked', worker: 'alive', exitCode: 7 },
  { way: 'uncaught', worker: 'clean', exitCode: 1 },
  { way: 'rejection', worker: 'clean', exitCode: 1 },
  { way: 'exit-in-worker', worker: 'exit_code' },
  { way: 'throw-in-worker', worker: 'uncaught' },
  { way: 'terminate', worker: 'terminated' },
  { way: 'terminate-parked', worker: 'terminated' },
  { way: 'signal-exits', worker: 'clean', signal: 'SIGTERM' },
  { way: 'signal-exits', worker: 'clean', signal: 'SIGINT' },
  { way: 'signal-goes-on', worker: 'clean', signal: 'SIGTERM' },
  { way: 'signal-goes-on', worker: 'clean', signal: 'SIGINT' },
  {
    way: 'signal-is-not-handled',
    worker: 'clean',
    signal: 'SIGTERM',
    diesOf: 'SIGTERM',
    env: { GRIDWATCH_SIGNALS: 'SIGTERM,SIGINT' },
  },
];

function titleOf({ way, worker, signal }: Way): string {
  return `${way}${signal === undefined ? '' : ` of ${signal}`}: the worker is ${worker}`;
}

async function run(node: NodeBinary, { way, signal, env = {} }: Way): Promise<{ ended: unknown; observed: Observed }> {
  const args = ['--expose-gc', 'records.cjs', way];
  await using program = await startObserved({ args, node, env, cwd: APPS });
  if (signal !== undefined) {
    await program.running.waitForOutput('ready\n');
    program.running.child.kill(signal);
  }
  const { exitCode, signal: diedOf, stdout, stderr } = await program.running.ended;
  const own = stderr.split('\n').filter((line) => line.startsWith('gridwatch'));
  return { ended: { exitCode, diedOf, hasReachedEnd: stdout.includes('end\n'), own }, observed: program.observed };
}

/** The time of a thread, over all of its states. */
function livedS(observed: Observed, thread: string): number {
  return Object.values(observed.states(thread)).reduce((total, seconds) => total + seconds, 0);
}

describe.each(missing)('without a Node to test', ({ reason }) => {
  it('is skipped', ({ skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });
});

describe.each(present)('on Node $version', (node) => {
  it.each(WAYS.map((row) => [titleOf(row), row] as const))('%s', async (_, row) => {
    const { ended, observed } = await run(node, row);
    const { worker, exitCode = 0, diesOf = null } = row;
    const expected = { exitCode: diesOf === null ? exitCode : null, diedOf: diesOf };
    expect(ended).toEqual({ ...expected, hasReachedEnd: true, own: [] });

    for (const thread of ['main', 'job']) {
      const collections = { 'thread.name': thread, 'v8js.gc.type': 'major' };
      expect(observed.count('v8js.gc.duration', collections)).toBeGreaterThanOrEqual(5);
      expect(livedS(observed, thread)).toBeGreaterThan(0);
    }
    expect(observed.startedThreads()).toEqual(['job']);
    expect(observed.count('gridwatch.thread.startup.duration')).toBe(1);
    const exits = (type: string | undefined): number | undefined =>
      observed.sum('gridwatch.thread.exits', { 'error.type': type });
    expect({
      clean: exits(undefined),
      exit_code: exits('exit_code'),
      uncaught: exits('uncaught'),
      terminated: exits('terminated'),
      out_of_memory: exits('out_of_memory'),
    }).toEqual({ clean: 0, exit_code: 0, uncaught: 0, terminated: 0, out_of_memory: 0, ...once(worker) });
    const workers = { 'gridwatch.thread.role': 'worker' };
    expect(observed.sum('gridwatch.thread.count', workers)).toBe(worker === 'alive' ? 1 : 0);
    expect(observed.sum('gridwatch.thread.count', { 'gridwatch.thread.role': 'main' })).toBe(1);
    expect(observed.sum('gridwatch.agent.dropped')).toBe(0);
  });
});

function once(worker: Way['worker']): Record<string, number> {
  return worker === 'alive' ? {} : { [worker]: 1 };
}

describe('what is recorded', () => {
  it.each(['main', 'hoarder'])('a pause of thread %s past the threshold is a span', async (thread) => {
    const way = thread === 'main' ? [] : ['worker'];
    const { observed } = await observe({ args: ['--expose-gc', 'long-pause.cjs', ...way], cwd: APPS });
    const span = observed.spans.find(({ name }) => name === 'gc major');
    expect(span?.attributes).toMatchObject({ 'thread.name': thread, 'v8js.gc.type': 'major' });
    expect(span?.durationNs).toBeGreaterThan(100e6);
  });

  it('accounts for all of the time of each thread, in the state it was in', async () => {
    const { result, observed } = await observe({ args: ['states.cjs'], cwd: APPS });
    const livesS = JSON.parse(result.stdout) as Record<string, { least: number; most?: number }>;
    for (const [thread, { least, most = result.durationMs / 1000 }] of Object.entries(livesS)) {
      const lived = { thread, seconds: livedS(observed, thread) };
      expect(lived).toEqual({
        thread,
        seconds: expect.toSatisfy((s: number) => s > least - TICK_S && s < most + TICK_S),
      });
    }
    expect(observed.states('parker')['parked']).toBeCloseTo(1, 1);
    expect(observed.states('main')['idle']).toBeGreaterThan(0.7);
    expect(observed.states('sleeper')['idle']).toBeGreaterThan(0.8);
    const { running = 0, runnable = 0 } = observed.states('spinner');
    expect(running + runnable).toBeGreaterThan(0.9);
  });

  it('is delivered when the program ends at once', async () => {
    const { result, observed } = await observe({ args: ['-e', 'process.exit(7)'] });
    expect(result.exitCode).toBe(7);
    expect(observed.sum('gridwatch.thread.count', { 'gridwatch.thread.role': 'main' })).toBe(1);
  });
});
