/** Event loops of a real process, as the collector is told of them. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OtlpSpan } from '../../agent/cli/otlp-decode.ts';
import { eventually } from '../support/eventually.ts';
import { firstLine } from '../support/first-line.ts';
import { type ObservedProgram, startObserved } from '../support/observe.ts';

const SUBJECT = fileURLToPath(new URL('../fixtures/sources/loops.cjs', import.meta.url));
const DEADLINE_MS = 40_000;

interface Block {
  readonly startMs: number;
  readonly endMs: number;
}

interface Report {
  readonly byTimer: Block;
  readonly byEvent: Block;
  readonly active: number;
  readonly idle: number;
  readonly resources: readonly string[];
}

let program: ObservedProgram;
let report: Report;

beforeAll(async () => {
  const env = { OTEL_METRIC_EXPORT_INTERVAL: '1000', OTEL_METRIC_EXPORT_TIMEOUT: '1000', GRIDWATCH_LOG: 'off' };
  program = await startObserved({ args: [SUBJECT], env, deadlineMs: 100_000 });
  report = JSON.parse(await firstLine(program.running.child)) as Report;
});

afterAll(async () => program[Symbol.asyncDispose]());

function timeOf(name: string, state: 'active' | 'idle'): number {
  return program.observed.sum('nodejs.eventloop.time', { 'thread.name': name, 'nodejs.eventloop.state': state }) ?? 0;
}

function everyUtilizationOf(name: string): number[] {
  const metrics = program.observed.metrics.filter((metric) => metric.name === 'nodejs.eventloop.utilization');
  const points = metrics.flatMap(({ points: all }) => all);
  return points.filter(({ attributes }) => attributes['thread.name'] === name).map(({ value }) => value);
}

describe('the event loop of the main thread', () => {
  it('is as active and as idle as Node says', async () => {
    await eventually('the idle time to be told', () => timeOf('main', 'idle') > report.idle / 1e3, {
      deadlineMs: DEADLINE_MS,
    });
    const active = timeOf('main', 'active');
    // The program's start is active too: Node begins to count when its loop begins.
    expect(active).toBeGreaterThan((report.active / 1e3) * 0.95);
    expect(active).toBeLessThan(report.active / 1e3 + 5);
  });

  it('shows each turn that held the CPU as a span, when it was', async () => {
    const blocked = (): readonly OtlpSpan[] =>
      program.observed.spans.filter(
        ({ name, attributes }) => name === 'eventloop.blocked' && attributes['thread.name'] === 'main',
      );
    // Of spans of one name the slowest is shown, every ten seconds.
    const span = await eventually('a span', () => blocked()[0], { deadlineMs: DEADLINE_MS });
    const startMs = Number(span.startUnixNs) / 1e6;
    const endMs = Number(span.endUnixNs) / 1e6;
    const block =
      Math.abs(report.byTimer.startMs - startMs) < Math.abs(report.byEvent.startMs - startMs)
        ? report.byTimer
        : report.byEvent;
    expect(Math.abs(startMs - block.startMs)).toBeLessThan(120);
    expect(Math.abs(endMs - block.endMs)).toBeLessThan(120);
    expect(span.attributes['gridwatch.span.cpu.time']).toBeGreaterThanOrEqual(0.2);
    expect(span.attributes).toMatchObject({ 'thread.id': 0, 'thread.name': 'main' });
    // Where the ten seconds end between the two turns, each is the slowest of its own.
    const told = (): number =>
      blocked().reduce((sum, { attributes }) => sum + 1 + Number(attributes['gridwatch.suppressed'] ?? 0), 0);
    await eventually('both turns to be told of', () => told() >= 2, { deadlineMs: DEADLINE_MS });
  });

  it('shows what had to wait', async () => {
    const greatest = (): number =>
      Math.max(
        ...program.observed.metrics
          .filter(({ name }) => name === 'nodejs.eventloop.delay.max')
          .flatMap(({ points }) => points.filter(({ attributes }) => attributes['thread.name'] === 'main'))
          .map(({ value }) => value),
      );
    await eventually('the delay to be told', () => greatest() > 0.2, { deadlineMs: DEADLINE_MS });
    expect(greatest()).toBeLessThan(60);
  });

  it('is not kept alive by being watched', () => {
    expect(report.resources.filter((name) => name === 'Immediate')).toEqual([]);
  });
});

describe('an idle thread', () => {
  it('is idle, to this moment', async () => {
    const idle = await eventually('ten seconds', () => (timeOf('idler', 'idle') > 8 ? timeOf('idler', 'idle') : 0), {
      deadlineMs: DEADLINE_MS,
    });
    expect(timeOf('idler', 'active')).toBeLessThan(idle * 0.3);
  });
});

describe('a thread that never turns its loop because it parks', () => {
  it('is idle, never fully active', async () => {
    const idle = await eventually(
      'eight seconds',
      () => (timeOf('parker', 'idle') > 8 ? timeOf('parker', 'idle') : 0),
      {
        deadlineMs: DEADLINE_MS,
      },
    );
    expect(timeOf('parker', 'active')).toBeLessThan(idle * 0.3);
    const later = everyUtilizationOf('parker').slice(2);
    expect(later.length).toBeGreaterThan(3);
    for (const utilization of later) expect(utilization).toBeLessThan(0.5);
  });

  it('is not told to be blocked', () => {
    const spans = program.observed.spans.filter(({ name }) => name === 'eventloop.blocked');
    expect(spans.map(({ attributes }) => attributes['thread.name'])).not.toContain('parker');
  });
});
