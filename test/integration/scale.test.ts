/**
 * Many threads at once, and many more one after the other: all are observed, nothing is leaked, and what the agent keeps
 * and sends does not grow with the number of threads that ever lived.
 *
 * `GRIDWATCH_TEST_FULL=1` starts 10 000 short-lived workers, as the design asks for; otherwise it is 2 000, since a
 * worker costs Node 35 ms of CPU, whoever watches.
 */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Observed, observe } from '../support/observe.ts';
import { runNode } from '../support/run-node.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const APPS = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));
const MIB = 2 ** 20;

const AT_ONCE = 256;
const SHORT_LIVED = process.env['GRIDWATCH_TEST_FULL'] === '1' ? 10_000 : 2_000;
const CROWD_DEADLINE_MS = 300_000;
/**
 * Eight seconds after its start V8 collects the garbage of an idle worker, and the worker's event loop then spins until V8's pool of threads has swept the
 * heap. With hundreds of workers on two cores the pool gets no CPU, with or without the agent: 80 s instead of 11, all of it in `uv__async_io` and cppgc's
 * incremental sweep task.
 */
const QUIET = '--no-memory-reducer';
/**
 * For the resident memory of a thread to be what the thread needs: of two thousand pages of a worker's heap some hundred are there or not by when V8 happened to collect, by whether
 * its pool had the CPU to sweep, and by whether the young generation has grown in between. So it does not grow, and who collects does all of it at once.
 */
const STEADY = ['--expose-gc', '--single-threaded-gc', '--min-semi-space-size=1', '--max-semi-space-size=1'];
const SHORT_LIVED_DEADLINE_MS = SHORT_LIVED * 200;

/** 32 names keep series of their own, the five of main, agent and helper threads in any case; the rest join `_OTHER`. */
const MAX_NAMES = 32 + 5 + 1;
const MAX_SERIES = 3000;
/** Shared memory that a thread's slot and recorder touch, its copy of the preload, and what the agent knows of it: 1.0 to 1.4 MiB, with none or with forty programs beside it. */
const MAX_BYTES_PER_THREAD = 2 * MIB;
/** The copy of the preload alone, which no load changes: 0.64 to 0.68 MiB. */
const MAX_HEAP_BYTES_PER_THREAD = MIB;
const MAX_AGENT_BYTES = 64 * MIB;
/** Without the agent it is 41 MiB after 1 800 workers; the agent thread's heap, bounded below, may grow by 36 up to its limit; the rest is noise. */
const MAX_GROWTH_BYTES = 120 * MIB;
/** Connections to the collector, which come and go. */
const MAX_MORE_DESCRIPTORS = 8;

it(
  `observes ${AT_ONCE} threads at once`,
  async () => {
    const args = [QUIET, ...STEADY, 'crowd.cjs'];
    const settings = { cwd: APPS, deadlineMs: CROWD_DEADLINE_MS };
    const alone = await runNode({ args: [...args, String(AT_ONCE / 4)], ...settings });
    // The agent thread gives a flush as long as an exit's.
    const env = { GRIDWATCH_EXIT_TIMEOUT_MS: '60000' };
    const { result, observed } = await observe({
      args: [...args, String(AT_ONCE), `${ROOT}dist/index.js`],
      env,
      ...settings,
    });
    expect(result).toMatchObject({ signal: 'SIGKILL', isPastDeadline: false, stderr: '' });
    expect(JSON.parse(result.stdout)).toMatchObject({ isDelivered: true });

    expect(new Set(observed.startedThreads()).size).toBe(AT_ONCE);
    expect(observed.startedThreads()).toHaveLength(AT_ONCE);
    expect(observed.sum('gridwatch.thread.count', { 'gridwatch.thread.role': 'worker' })).toBe(AT_ONCE);
    expect(observed.count('gridwatch.thread.startup.duration')).toBe(AT_ONCE);
    expect(observed.sum('gridwatch.agent.dropped')).toBe(0);
    expect(mostNames(observed)).toBeLessThanOrEqual(MAX_NAMES);
    expect(observed.sum('gridwatch.agent.series')).toBeLessThan(MAX_SERIES);

    const [here, there] = [of(result.stdout, AT_ONCE), of(alone.stdout, AT_ONCE / 4)];
    expect(here.heapBytes - there.heapBytes).toBeLessThan(MAX_HEAP_BYTES_PER_THREAD);
    expect(here.residentBytes - there.residentBytes).toBeLessThan(MAX_BYTES_PER_THREAD);
  },
  CROWD_DEADLINE_MS * 2,
);

/** The names of one export, in the export that had the most of them. */
function mostNames({ metrics }: Observed): number {
  const exports = metrics.filter(({ name }) => name === 'gridwatch.thread.cpu.time');
  return Math.max(...exports.map(({ points }) => new Set(points.map((point) => point.attributes['thread.name'])).size));
}

/** What each of a crowd takes: beyond the process without it, and alive in its heap. */
function of(stdout: string, threads: number): { residentBytes: number; heapBytes: number } {
  const { aloneBytes, togetherBytes, heapBytes } = JSON.parse(stdout) as Record<string, number>;
  return {
    residentBytes: ((togetherBytes ?? 0) - (aloneBytes ?? 0)) / threads,
    heapBytes: (heapBytes ?? 0) / threads,
  };
}

it(
  `leaks nothing over ${SHORT_LIVED} short-lived workers`,
  async () => {
    const registryModule = `${ROOT}agent/shared-memory/registry.ts`;
    const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning'];
    const args = [...flags, 'short-lived.cjs', String(SHORT_LIVED), registryModule];
    const { result, observed } = await observe({ args, cwd: APPS, deadlineMs: SHORT_LIVED_DEADLINE_MS });
    expect(result).toMatchObject({ exitCode: 0, isPastDeadline: false, stderr: '' });

    const { early, late, slots } = JSON.parse(result.stdout) as Record<string, Record<string, number>>;
    // The main thread's own.
    expect(slots).toBe(1);
    expect(late?.['descriptors']).toBeLessThanOrEqual((early?.['descriptors'] ?? 0) + MAX_MORE_DESCRIPTORS);
    expect(late?.['rssBytes']).toBeLessThan((early?.['rssBytes'] ?? 0) + MAX_GROWTH_BYTES);

    expect(observed.sum('gridwatch.thread.exits', { 'error.type': undefined })).toBe(SHORT_LIVED);
    expect(observed.sum('gridwatch.thread.exits')).toBe(SHORT_LIVED);
    expect(observed.sum('gridwatch.thread.count', { 'gridwatch.thread.role': 'worker' })).toBe(0);
    expect(observed.count('gridwatch.thread.startup.duration')).toBe(SHORT_LIVED);
    expect(observed.sum('gridwatch.agent.dropped')).toBe(0);
    expect(observed.sum('gridwatch.agent.memory.usage')).toBeLessThan(MAX_AGENT_BYTES);
    expect(mostNames(observed)).toBeLessThanOrEqual(MAX_NAMES);
  },
  SHORT_LIVED_DEADLINE_MS + 10_000,
);
