/** What `gridwatch observe` tells a person at the end. */
import { describe, expect, it } from 'vitest';
import { THREAD_STATES, type ThreadState } from '../../../agent/agent-thread/model/state-time.ts';
import { ThreadUsage } from '../../../agent/agent-thread/model/thread-usage.ts';
import { joules, reasonNotToSend, renderSummary } from '../../../agent/cli/observe-summary.ts';
import type { Seen } from '../../../agent/outside/observation.ts';

function usage(states: { readonly [K in ThreadState]?: number }, userNs = 0): ThreadUsage {
  const made = new ThreadUsage();
  for (const [i, state] of THREAD_STATES.entries()) made.stateNs[i] = states[state] ?? 0;
  made.userNs = userNs;
  return made;
}

const SEEN: Seen = {
  wallNs: 4e9,
  cpu: { userNs: 3e9, systemNs: 1e9 },
  total: Object.assign(usage({ parked: 12e9, runnable: 5e8 }), { voluntarySwitches: 30, involuntarySwitches: 4 }),
  named: [
    { name: 'main', role: 'main', usage: usage({ parked: 4e9 }, 1e7) },
    { name: 'a\u001b[31mb', role: 'worker', usage: usage({ running: 2e9, parked: 2e9 }, 2e9) },
    { name: 'unused', role: 'worker', usage: usage({}) },
  ],
  processes: 1,
  mostThreads: 5,
  hasSchedule: true,
  hasWaits: true,
  energy: { activeUj: 10e6, idleUj: 3e6, source: 'model:family', boundary: 'wall', uncertainty: 2 },
};

const HEAD = { title: 'python3 app.py ended with exit code 0', isSent: false, problem: 'nobody asked' };

describe('renderSummary', () => {
  it('tells what the threads did, and how far the energy can be off', () => {
    const text = renderSummary(SEEN, HEAD);
    expect(text).toMatch(/^gridwatch: python3 app\.py ended with exit code 0\n/);
    expect(text).toMatch(/wall time +4 s\n/);
    expect(text).toMatch(/CPU time +4 s +user 3 s, system 1 s/);
    expect(text).toMatch(/parallelism +1\.00 +threads running at once, .*at most 5 threads at once, 1 process seen/);
    expect(text).toMatch(/parked +3\.00 /);
    expect(text).toMatch(/runnable delay +500 ms/);
    expect(text).toMatch(/switches +34 +voluntary 30, involuntary 4/);
    expect(text).toMatch(/energy, active +10 J .*from 5 J to 20 J/);
    expect(text).toMatch(/energy, idle +3 J .*from 1\.5 J to 6 J/);
    expect(text).toMatch(/energy source +model:family boundary wall/);
    expect(text).toContain('  Nothing was sent: nobody asked.\n');
  });

  it('shows threads by what they used, without what a terminal would obey', () => {
    const threads = renderSummary(SEEN, HEAD)
      .split('\n')
      .filter((line) => line.startsWith('    '));
    expect(threads).toHaveLength(2);
    expect(threads[0]).toMatch(/^ {4}ab +2 s +50 % +0 % +50 % +0 %$/);
    expect(threads[1]).toMatch(/^ {4}main +10 ms/);
  });

  it('says what is not known', () => {
    const text = renderSummary(
      { ...SEEN, energy: undefined, hasSchedule: false, hasWaits: false },
      { ...HEAD, isSent: true, problem: 'x' },
    );
    expect(text).toMatch(/energy +unknown/);
    expect(text).toMatch(/runnable delay +unknown/);
    expect(text).toMatch(/parked +unknown +the kernel tells it to root, and to the user whose program it is\n/);
    expect(text).toMatch(/blocked +unknown/);
    expect(text).toContain('Not all metrics were sent: x.');
    expect(renderSummary(SEEN, { ...HEAD, isSent: true, problem: '' })).toContain('The metrics were sent.');
    expect(renderSummary({ ...SEEN, energy: 'off' }, HEAD)).not.toContain('energy');
  });

  it('keeps its columns beside names in wide characters', () => {
    const named = ['日本語', 'abc'].map((name) => ({ name, role: 'worker' as const, usage: usage({}, 1e9) }));
    const text = renderSummary({ ...SEEN, named }, HEAD);
    expect(text).toMatch(/^ {4}日本語 {10} {6}1 s /m);
    expect(text).toMatch(/^ {4}abc {13} {6}1 s /m);
  });

  it('keeps quiet about more threads than can be read', () => {
    const named = Array.from({ length: 12 }, (_, i) => ({
      name: `t${i}`,
      role: 'worker' as const,
      usage: usage({}, 1e9),
    }));
    expect(renderSummary({ ...SEEN, named }, HEAD)).toMatch(/ {4}and 4 more names\n/);
  });

  it.each([
    [0, '0 mJ'],
    [420, '0.42 mJ'],
    [3_100_000, '3.1 J'],
    [1_240_400_000, '1240 J'],
  ])('%d uJ is %s', (uj, text) => {
    expect(joules(uj)).toBe(text);
  });
});

it.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, 'OTEL_EXPORTER_OTLP_ENDPOINT says where to'],
  [{ OTEL_METRICS_EXPORTER: 'console' }, undefined],
  [{ OTEL_METRICS_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a' }, 'OTEL_METRICS_EXPORTER is none'],
  [{ OTEL_METRICS_EXPORTER: 'none', OTEL_CONFIG_FILE: 'otel.yaml' }, undefined],
  [{ OTEL_SDK_DISABLED: 'True', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a' }, 'OTEL_SDK_DISABLED is true'],
])('sends only where somebody has said where to: %j', (env, reason) => {
  expect(reasonNotToSend(env)).toBe(reason);
});
