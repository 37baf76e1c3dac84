/** The rules about locks that are used wrongly. */
import { describe, expect, it } from 'vitest';
import { ATTRIBUTES } from '../../../../../agent/agent-thread/telemetry/catalog.ts';
import { findingsOf } from '../../../../../agent/cli/ui/findings/report.ts';
import type { AgentEvent } from '../../../../../agent/cli/ui/window/window.ts';
import { PROCESS, thread } from '../summaries.ts';
import { evidence, onlyFinding, titles } from './evidence.ts';

function event(name: string, body: string, options: Partial<AgentEvent> = {}): AgentEvent {
  const further = { threadName: '', errorType: '', site: undefined, workerFile: '', finding: '', lockKind: '' };
  return { process: PROCESS, name, body, timeMs: 1_000, ...further, ...options };
}

const DEADLOCK = event('gridwatch.deadlock', 'deadlock: main waits for "a" held by w; w waits for "b" held by main');
const INVERSION = event('gridwatch.lock.order.inversion', '"a" and "b" are taken in both orders', {
  site: { file: 'app.js', line: 7 },
});

describe('mistakes with locks', () => {
  it('a deadlock is the finding, and not how long its threads have waited', () => {
    const threads = [thread('main', { waiting_lock: 50 }), thread('w', { waiting_lock: 50 })];
    const finding = onlyFinding(evidence({ threads, events: [DEADLOCK] }));
    expect(finding).toMatchObject({
      severity: 'failure',
      title: 'Deadlock: main waits for "a" held by w; w waits for "b" held by main.',
      facts: [],
    });
    expect(titles(evidence({ threads }))).toEqual([expect.stringContaining('waited for a lock')]);
  });

  it('several of a kind are one finding, that says how many there were, and where the first one is', () => {
    const finding = onlyFinding(evidence({ events: [INVERSION, INVERSION] }));
    expect(finding.title).toBe('"a" and "b" are taken in both orders.');
    expect(finding.facts).toEqual(['The first of 2 pairs of locks in both orders.']);
    expect(finding.site).toEqual({ file: 'app.js', line: 7 });
  });

  it('a deadlock comes first, whatever else has failed', () => {
    const abandoned = event('gridwatch.lock.abandoned', 'w ended while it held "a"; the next holder is told');
    const exits = [{ errorType: 'uncaught', count: 1000 }];
    const found = titles(evidence({ events: [INVERSION, abandoned, DEADLOCK], exits }));
    expect(found[0]).toMatch(/^Deadlock: /);
    expect(found).toContain('W ended while it held "a"; the next holder is told.');
    expect(found).toHaveLength(4);
  });

  it('what a thread has left behind is told by what it was: a lock, the item of a channel, the round of a barrier', () => {
    const left = (lockKind: string): AgentEvent =>
      event('gridwatch.lock.abandoned', `left a ${lockKind}`, { lockKind });
    const events = ['mutex', 'channel', 'semaphore', 'channel', 'barrier'].map(left);
    const found = findingsOf(evidence({ events }));
    expect(found.map(({ title, facts, advice }) => [title, ...facts, advice.includes('lease.abandoned')])).toEqual([
      ['Left a mutex.', 'The first of 2 abandoned locks.', true],
      ['Left a channel.', 'The first of 2 items that were lost with their senders.', false],
      ['Left a barrier.', false],
    ]);
  });

  it('what a detector has found is told once a kind, with what to do about it', () => {
    const race = event('gridwatch.finding', 'race: two threads write element 0', { finding: 'race' });
    const convoy = event('gridwatch.finding', '4 threads queue for "a"', { finding: 'convoy' });
    const found = findingsOf(evidence({ events: [convoy, race, race] }));
    expect(found.map(({ severity, title, facts }) => ({ severity, title, facts }))).toEqual([
      { severity: 'failure', title: 'Race: two threads write element 0.', facts: ['The first of 2 such findings.'] },
      { severity: 'slow', title: '4 threads queue for "a".', facts: [] },
    ]);
    expect(titles(evidence({ events: [race, DEADLOCK] }))).toHaveLength(1);
    expect(titles(evidence({ events: [event('gridwatch.finding', 'new', { finding: 'of tomorrow' })] }))).toEqual([]);
  });

  it.each(ATTRIBUTES['gridwatch.finding'].values)(
    'no run in which there was a %s ends with "nothing stands out"',
    (finding) => {
      expect(titles(evidence({ events: [event('gridwatch.finding', 'it happened', { finding })] }))).toEqual([
        'It happened.',
      ]);
    },
  );

  it('what the agent tells of itself is none', () => {
    expect(titles(evidence({ events: [event('gridwatch.agent.degraded', 'gc is off')] }))).toEqual([]);
  });
});
