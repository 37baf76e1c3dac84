/**
 * A deadlock of all application threads, the main thread included: told within a second of closing, at the collector and on stderr, with all that is needed
 * to understand it; and broken where that is asked for.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OtlpSpan } from '../../agent/cli/otlp-decode.ts';
import { eventually } from '../support/eventually.ts';
import { type ObservedProgram, observe, startObserved } from '../support/observe.ts';

const APP = fileURLToPath(new URL('../fixtures/apps/deadlock.mjs', import.meta.url));
const ENV = { GRIDWATCH_IDENTITY_WAIT_MS: '0', OTEL_METRIC_EXPORT_INTERVAL: '60000' };
const THREADS = ['main', 'part-1', 'part-2'];
const HELD = ['orders', 'stock', 'ledger'];
const WANTED = ['stock', 'ledger', 'orders'];
const TRACES = ['1', '2', '3'].map((digit) => digit.repeat(32));

function partOf({ attributes }: OtlpSpan['events'][number]): number {
  return THREADS.indexOf(attributes['thread.name'] as string);
}

describe('three threads that stand still', () => {
  let program: ObservedProgram;
  let span: OtlpSpan;
  let tookMs: number;

  beforeAll(async () => {
    program = await startObserved({ args: [APP], env: ENV });
    const { observed } = program;
    await program.running.waitForOutput('closing\n');
    const { found, atMs } = await eventually(
      'the deadlock as a span, a log record and a metric',
      () => {
        const deadlock = observed.spans.find(({ name }) => name === 'deadlock');
        const isLogged = observed.logs.some(({ eventName }) => eventName === 'gridwatch.deadlock');
        if (deadlock === undefined || !isLogged || observed.sum('gridwatch.deadlocks') !== 1) return undefined;
        return { found: deadlock, atMs: Date.now() };
      },
      { intervalMs: 5 },
    );
    span = found;
    tookMs = atMs - Number(found.startUnixNs / 1_000_000n);
  });

  afterAll(async () => {
    await program[Symbol.asyncDispose]();
  });

  it('arrive within a second of closing', () => {
    expect(tookMs).toBeLessThan(1000);
    expect(tookMs).toBeGreaterThanOrEqual(0);
  });

  it('are told with what each has, what it wants, where, and in which trace', () => {
    expect(span.parentSpanId).toBe('');
    expect(TRACES).not.toContain(span.traceId);
    expect(span.attributes).toMatchObject({ 'gridwatch.contended': true, 'gridwatch.deadlock.size': 3 });
    const events = span.events.toSorted((a, b) => partOf(a) - partOf(b));
    for (const [i, { attributes }] of events.entries()) {
      expect(attributes).toMatchObject({
        'thread.name': THREADS[i],
        'gridwatch.lock.held.name': HELD[i],
        'gridwatch.lock.name': WANTED[i],
        'gridwatch.lock.kind': 'mutex',
        'gridwatch.trace_id': TRACES[i],
        'code.function.name': 'takeBoth',
      });
      expect(attributes['code.file.path']).toMatch(/deadlock\.mjs$/);
      expect(attributes['code.line.number']).toBe(40);
      expect(attributes['code.stacktrace']).toMatch(/^ {4}at takeBoth \(/);
    }
    expect(events).toHaveLength(3);
    expect(span.links.map(({ traceId }) => traceId).toSorted()).toEqual(TRACES);
  });

  it('have their waits so far in their own traces', () => {
    const waits = program.observed.spans.filter(({ name }) => name.startsWith('lock.wait '));
    for (const [i, name] of WANTED.entries()) {
      const wait = waits.find((one) => one.name === `lock.wait ${name}`);
      expect(wait).toMatchObject({
        traceId: TRACES[i],
        parentSpanId: String(i + 1).repeat(16),
        attributes: {
          'thread.name': THREADS[i],
          'gridwatch.wait.outcome': 'deadlock',
          'gridwatch.wait.ongoing': true,
          'gridwatch.lock.holder.thread.name': THREADS[(i + 1) % 3],
        },
      });
    }
    expect(waits).toHaveLength(3);
  });

  it('are logged once, and counted by the lock they wait for', () => {
    const { observed } = program;
    const logs = observed.logs.filter(({ eventName }) => eventName === 'gridwatch.deadlock');
    expect(logs).toHaveLength(1);
    expect(logs[0]?.severityText).toBe('ERROR');
    for (const name of WANTED) {
      expect(observed.sum('gridwatch.deadlock.thread.count', { 'gridwatch.lock.name': name })).toBe(1);
    }
  });

  it('are named on the terminal: who waits for what, held by whom, where', async () => {
    program.running.child.kill('SIGKILL');
    const { stderr, stdout } = await program.running.ended;
    expect(stdout).toBe('closing\n');
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^gridwatch: deadlock: .*main.* wait for one another and cannot go on$/);
    for (const [i, thread] of THREADS.entries()) {
      const place = String.raw`test/fixtures/apps/deadlock\.mjs:40:\d+ in takeBoth`;
      const sentence = `${thread} holds "${HELD[i]}" and waits for "${WANTED[i]}" \\(mutex\\) at ${place}, held by ${THREADS[(i + 1) % 3]}`;
      expect(lines.slice(1)).toContainEqual(expect.stringMatching(new RegExp(`^gridwatch: {3}${sentence}$`)));
    }
  });
});

describe('with GRIDWATCH_DEADLOCK_ACTION=abort', () => {
  it('one waiter gets an error, the others go on, and the count falls back', async () => {
    const env = { ...ENV, GRIDWATCH_DEADLOCK_ACTION: 'abort' };
    const { result, observed } = await observe({ args: [APP], env });
    expect(result.exitCode).toBe(0);
    const [, json = ''] = result.stdout.split('\n');
    expect((JSON.parse(json) as number[]).toSorted((a, b) => a - b)).toEqual([1, 1, 2]);
    expect(result.stderr).toMatch(/gets ERR_GRIDWATCH_DEADLOCK/);
    expect(observed.sum('gridwatch.deadlocks')).toBe(1);
    for (const name of WANTED) {
      expect(observed.sum('gridwatch.deadlock.thread.count', { 'gridwatch.lock.name': name })).toBe(0);
    }
    const aborted = observed.spans
      .find(({ name }) => name === 'deadlock')
      ?.events.filter(({ attributes }) => attributes['gridwatch.deadlock.aborted'] === true);
    expect(aborted).toHaveLength(1);
  });
});
