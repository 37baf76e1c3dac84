/**
 * An idle pool raises no alert. Its workers sit in `Atomics.wait`, their event loops never turn, and Node's own figure for their utilization is 1.0:
 * what is told of them must say idle.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type ObservedProgram, startObserved } from '../support/observe.ts';

const SUBJECT = fileURLToPath(new URL('../fixtures/sources/pool.cjs', import.meta.url));
const WORKERS = ['worker-1', 'worker-2'];
const DEADLINE_MS = 40_000;
/** Four tasks of 0.3 s of CPU, for two workers. */
const WORKED_S = 0.6;

let program: ObservedProgram;

beforeAll(async () => {
  const env = { OTEL_METRIC_EXPORT_INTERVAL: '1000', OTEL_METRIC_EXPORT_TIMEOUT: '1000', GRIDWATCH_LOG: 'off' };
  program = await startObserved({ args: [SUBJECT], env, deadlineMs: 100_000 });
  await program.running.waitForOutput('worked');
  await eventually('ten seconds of idle time', () => WORKERS.every((name) => timeOf(name, 'idle') > 10), {
    deadlineMs: DEADLINE_MS,
  });
});

afterAll(async () => program[Symbol.asyncDispose]());

function timeOf(name: string, state: 'active' | 'idle'): number {
  return program.observed.sum('nodejs.eventloop.time', { 'thread.name': name, 'nodejs.eventloop.state': state }) ?? 0;
}

function values(metricName: string, name: string): number[] {
  const metrics = program.observed.metrics.filter((metric) => metric.name === metricName);
  const points = metrics.flatMap(({ points: all }) => all);
  return points.filter(({ attributes }) => attributes['thread.name'] === name).map(({ value }) => value);
}

describe.each(WORKERS)('%s of an idle pool', (name) => {
  it('is parked', () => {
    expect(program.observed.states(name)['parked']).toBeGreaterThan(9);
  });

  it('has an event loop that was active for as long as it had tasks', () => {
    const active = timeOf(name, 'active');
    expect(active).toBeGreaterThan(WORKED_S * 0.5);
    expect(active).toBeLessThan(timeOf(name, 'idle') * 0.5);
  });

  it('has a utilization of zero while it has none', () => {
    for (const utilization of values('nodejs.eventloop.utilization', name).slice(-4)) {
      expect(utilization).toBeLessThan(0.01);
    }
  });

  it('has no event loop delay that grows with its rest', () => {
    for (const delay of values('nodejs.eventloop.delay.max', name)) expect(delay).toBeLessThan(5);
  });

  it('is never blocked', () => {
    const blocked = program.observed.spans.filter(({ name: spanName }) => spanName === 'eventloop.blocked');
    expect(blocked.map(({ attributes }) => attributes['thread.name'])).not.toContain(name);
  });
});
