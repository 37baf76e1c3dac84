/** Locks of `gridwatch/sync` between real threads: what the program itself counted, and what arrived at a collector. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OtlpSpan } from '../../agent/cli/otlp-decode.ts';
import { eventually } from '../support/eventually.ts';
import { type Observed, observe, startObserved } from '../support/observe.ts';
import type { RunResult } from '../support/run-node.ts';

const APP = fileURLToPath(new URL('../fixtures/apps/locks.mjs', import.meta.url));

/** By how much the agent's clock and a thread's own may differ in what they say of the wall clock. */
const CLOCK_MS = 5;

interface Answer {
  readonly acquisitions: number;
  readonly borrowed: number;
  /** When the holder released the ledger, and when its waiter asked for it and had it, in milliseconds since the epoch. */
  readonly releasedMs: number;
  readonly waiter: { readonly code: string; readonly beganMs: number; readonly endedMs: number };
  readonly abandoned: boolean;
}

let result: RunResult;
let answer: Answer;
let observed: Observed;

beforeAll(async () => {
  const run = await observe({
    args: [APP],
    env: { GRIDWATCH_STACKS: 'all', OTEL_TRACES_SAMPLER: 'always_on' },
    deadlineMs: 60_000,
  });
  result = run.result;
  if (result.exitCode !== 0) throw new Error(`the program has failed: ${result.stderr}`);
  answer = JSON.parse(result.stdout) as Answer;
  observed = run.observed;
}, 90_000);

const of = (name: string): { 'gridwatch.lock.name': string } => ({ 'gridwatch.lock.name': name });
const waits = (name: string): OtlpSpan[] => observed.spans.filter((span) => span.name === `lock.wait ${name}`);

it('the program ends as it would without the agent, and one line tells what went wrong in it', () => {
  expect(result.exitCode).toBe(0);
  /* On a machine that is busy with other things a collection, of twenty milliseconds at best, takes a quarter of a second while somebody waits. */
  const lines = result.stderr
    .split('\n')
    .filter((line) => !/^gridwatch: held_across_gc: (?:crowd-\d|waiter) waited /.test(line));
  expect(lines).toEqual(['gridwatch: victim ended while it held "journal"; the next holder is told', '']);
});

describe('metrics', () => {
  it('count every acquisition, over all threads, and each contention with its wait', () => {
    const orders = of('orders');
    expect(observed.sum('gridwatch.lock.acquisitions', orders)).toBe(answer.acquisitions);
    const contentions = observed.sum('gridwatch.lock.contentions', orders) ?? 0;
    expect(contentions).toBeGreaterThan(0);
    expect(contentions).toBeLessThanOrEqual(answer.acquisitions);
    expect(observed.count('gridwatch.lock.wait.duration', orders)).toBe(contentions);
    expect(observed.count('gridwatch.lock.hold.duration', orders)).toBeGreaterThan(0);
    for (const name of ['timeouts', 'aborts', 'abandonments'])
      expect(observed.sum(`gridwatch.lock.${name}`, orders)).toBe(0);
    expect(observed.sum('gridwatch.lock.waiter.count', orders)).toBe(0);
    expect(observed.sum('gridwatch.lock.oldest_waiter.age', orders)).toBe(0);
  });

  it('count a wait that ran out of time apart from one that got the lock', () => {
    const ledger = of('ledger');
    expect(answer.waiter.code).toBe('ERR_GRIDWATCH_LOCK_TIMEOUT');
    expect(observed.sum('gridwatch.lock.timeouts', ledger)).toBe(1);
    expect(observed.sum('gridwatch.lock.acquisitions', ledger)).toBe(2);
    expect(observed.sum('gridwatch.lock.contentions', ledger)).toBe(1);
    const [point] = observed.series('gridwatch.lock.wait.duration', ledger);
    const span = waits('ledger').find(({ attributes }) => attributes['gridwatch.wait.outcome'] === 'acquired');
    expect(point?.histogram?.sum).toBeCloseTo((span?.durationNs ?? 0) / 1e9, 6);
  });

  it('count what a lock without a name has counted, on both threads that know it', () => {
    const unnamed = observed
      .series('gridwatch.lock.acquisitions', { 'gridwatch.lock.kind': 'mutex' })
      .filter(
        ({ attributes }) => !['orders', 'ledger', 'journal'].includes(attributes['gridwatch.lock.name'] as string),
      );
    expect(unnamed.map(({ value }) => value)).toEqual([answer.borrowed]);
    expect(unnamed[0]?.attributes['gridwatch.lock.name']).toMatch(/^Mutex@test\/fixtures\/apps\/locks\.mjs:\d+$/);
  });

  it('blame the holder for all that was waited', () => {
    const spans = waits('ledger');
    const waitedS = spans.reduce((sum, { durationNs }) => sum + durationNs / 1e9, 0);
    const blamed = observed.sum('gridwatch.lock.caused_wait.time', { ...of('ledger'), 'thread.name': 'holder' });
    expect(blamed).toBeCloseTo(waitedS, 6);
    expect(observed.sum('gridwatch.lock.caused_wait.time', of('ledger'))).toBeCloseTo(waitedS, 6);
    /* Of short waits less than a millisecond a holder and waiter is not told. */
    const [orders] = observed.series('gridwatch.lock.wait.duration', of('orders'));
    const all = orders?.histogram?.sum ?? 0;
    const told = observed.sum('gridwatch.lock.caused_wait.time', of('orders')) ?? 0;
    expect(told).toBeLessThanOrEqual(all + 1e-6);
    expect(told).toBeGreaterThan(all - 0.001 * 4 * 3);
  });
});

describe('a long wait', () => {
  it('is a span inside the span of the waiter, with a link to that of the holder', () => {
    const span = waits('ledger').find(({ attributes }) => attributes['gridwatch.wait.outcome'] === 'acquired');
    expect(span).toMatchObject({
      traceId: 'b'.repeat(32),
      parentSpanId: 'b'.repeat(16),
      links: [{ traceId: 'a'.repeat(32), spanId: 'a'.repeat(16) }],
      attributes: {
        'thread.name': 'waiter',
        'gridwatch.lock.name': 'ledger',
        'gridwatch.lock.kind': 'mutex',
        'gridwatch.lock.mode': 'exclusive',
        'gridwatch.contended': true,
        'gridwatch.lock.holder.thread.name': 'holder',
        'code.file.path': 'test/fixtures/apps/locks.mjs',
      },
    });
    expect(span?.attributes['gridwatch.lock.holder.site']).toMatch(/^test\/fixtures\/apps\/locks\.mjs:\d+$/);
    expect(span?.attributes['gridwatch.lock.holder.stacktrace']).toMatch(/^ {4}at takeLedger \(/);
    expect(span?.attributes['code.line.number']).toBeGreaterThan(0);
    /* A thread may be off its CPU between its look at the clock and the lock's own: so the wait lies within what the program saw, and reaches beyond the release. */
    const { releasedMs, waiter } = answer;
    const [startMs, endMs] = [span?.startUnixNs ?? 0n, span?.endUnixNs ?? 0n].map((ns) => Number(ns) / 1e6) as [
      number,
      number,
    ];
    expect(startMs).toBeGreaterThan(waiter.beganMs - CLOCK_MS);
    expect(startMs).toBeLessThan(releasedMs);
    expect(endMs).toBeGreaterThan(releasedMs - CLOCK_MS);
    expect(endMs).toBeLessThan(waiter.endedMs + CLOCK_MS);
    /* Of such a number the fraction is known to a quarter of a microsecond. */
    expect(span?.durationNs).toBeLessThanOrEqual((waiter.endedMs - waiter.beganMs) * 1e6 + 1000);
  });

  it('that ran out of time says so', () => {
    expect(waits('ledger').map(({ attributes }) => attributes['gridwatch.wait.outcome'])).toEqual([
      'timeout',
      'acquired',
    ]);
  });
});

it('a lock whose holder was terminated is abandoned once, and the next holder is told', () => {
  expect(answer.abandoned).toBe(true);
  expect(observed.sum('gridwatch.lock.abandonments', of('journal'))).toBe(1);
  expect(observed.sum('gridwatch.lock.acquisitions', of('journal'))).toBe(2);
  const attributes = { 'gridwatch.lock.name': 'journal', 'thread.name': 'victim' };
  expect(observed.logs.filter(({ eventName }) => eventName === 'gridwatch.lock.abandoned')).toMatchObject([
    { attributes },
  ]);
  expect(observed.spans.filter(({ name }) => name === 'incident gridwatch.lock.abandoned')).toMatchObject([
    { attributes },
  ]);
});

it('threads that are terminated anywhere leave no lock behind: each is had again at once, and who gets it is told once', async () => {
  const run = await observe({ args: [APP, 'deaths'], deadlineMs: 90_000 });
  expect(run.result.exitCode).toBe(0);
  const { told, longestMs } = JSON.parse(run.result.stdout) as {
    told: Record<'mutex' | 'rwlock' | 'semaphore', number>;
    longestMs: number;
  };
  const abandonments = (name: string): number | undefined => run.observed.sum('gridwatch.lock.abandonments', of(name));
  expect(told.mutex + told.semaphore).toBeGreaterThan(0);
  expect(abandonments('mutex')).toBe(told.mutex);
  expect(abandonments('semaphore')).toBe(told.semaphore);
  /* Of a reader that died nobody is told: it can have left nothing half done. */
  expect(abandonments('rwlock')).toBeGreaterThanOrEqual(told.rwlock);
  /* Without the agent it takes a second until somebody looks. */
  expect(longestMs).toBeLessThan(900);
}, 100_000);

describe('the threshold', () => {
  const LOOKED_MS = 45_000;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridwatch-locks-'));
  });

  afterAll(async () => rm(folder, { recursive: true, force: true }));

  it('is changed by the control file while the program runs: waits that were too short become spans', async () => {
    const controlFile = join(folder, 'control.json');
    await using program = await startObserved({
      args: [APP, 'again'],
      env: {
        GRIDWATCH_CONTROL_FILE: controlFile,
        OTEL_METRIC_EXPORT_INTERVAL: '500',
        OTEL_METRIC_EXPORT_TIMEOUT: '500',
        OTEL_BSP_SCHEDULE_DELAY: '200',
        OTEL_TRACES_SAMPLER: 'always_on',
      },
      deadlineMs: 90_000,
    });
    const again = of('again');
    const contended = (): number => program.observed.sum('gridwatch.lock.contentions', again) ?? 0;
    const spans = (): OtlpSpan[] => program.observed.spans.filter(({ name }) => name === 'lock.wait again');
    await eventually('fifty waits of some milliseconds', () => contended() >= 50, { deadlineMs: 60_000 });
    const tooShort = spans().filter(({ durationNs }) => durationNs < 20e6);
    expect(tooShort).toEqual([]);
    await writeFile(controlFile, JSON.stringify({ lockThresholdMs: 2 }));
    const isShort = ({ durationNs }: OtlpSpan): boolean => durationNs >= 2e6 && durationNs < 20e6;
    await eventually('a span of a short wait', () => spans().some(isShort), { deadlineMs: LOOKED_MS });
  }, 120_000);
});
