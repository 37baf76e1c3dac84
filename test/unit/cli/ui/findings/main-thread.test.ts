/** The rules about the main thread: one that is kept busy, one that single requests keep, one that has time. */
import { describe, expect, it } from 'vitest';
import { groupOf, PROCESS, span, thread } from '../summaries.ts';
import { evidence, onlyFinding, titles } from './evidence.ts';

describe('the main thread', () => {
  const search = { route: 'GET /search', count: 300, eachMs: 40, sumS: 12, explained: 0.93 };

  it('is a finding when it is busy', () => {
    const threads = [thread('main', { running: 57, idle: 3 }), thread('worker-1', { parked: 60 })];
    const finding = onlyFinding(evidence({ threads, usedCores: 0.96 }));
    expect(finding.title).toMatch(/^The main thread computed 95 % of the time/);
    expect(finding.facts).toHaveLength(1);
    expect(finding.facts[0]).toContain('1.0 of 4 CPUs');
  });

  it('is told apart from that of other processes', () => {
    const other = { ...PROCESS, pid: 4712 };
    const threads = [
      thread('main', { running: 3, idle: 57 }),
      thread('main', { running: 57, idle: 3 }, { process: other }),
    ];
    const given = evidence({ threads, processes: [PROCESS, other] }, { costs: { main: [search], workers: [] } });
    const finding = onlyFinding(given);
    expect(finding.title).toMatch(/^The main thread of process 4712 computed 95 %/);
    expect(finding.facts).toHaveLength(3);
  });

  it('is one finding when it is busy and one kind of request is to blame', () => {
    const threads = [thread('main', { running: 57, idle: 3 })];
    const costs = { main: [{ ...search, sumS: 51, eachMs: 170 }], workers: [] };
    const finding = onlyFinding(evidence({ threads, usedCores: 0.96 }, { costs }));
    expect(finding.title).toMatch(/^The main thread computed 95 % of the time/);
    expect(finding.facts[1]).toBe('300 requests of GET /search took 51 s, 89 % of all that the main thread computed.');
    expect(finding.advice).toMatch(/^See what GET \/search computes/);
  });

  it('is a finding when one kind of request keeps it for long each time', () => {
    const main = thread('main', { running: 15, idle: 45 }, { gc: { count: 80, sumS: 1.5, atMostS: 0.05 } });
    const finding = onlyFinding(evidence({ threads: [main] }, { costs: { main: [search], workers: [] } }));
    expect(finding).toMatchObject({
      severity: 'slow',
      costS: 12,
      title: 'GET /search keeps the main thread for about 40 ms each time; all others wait meanwhile.',
      facts: [
        '300 requests of GET /search took 12 s, 80 % of all that the main thread computed. ' +
          "Garbage collection was 10 % of that thread's work.",
        'That is an estimate: how many of them ended explains 93 % of when it was computed.',
      ],
    });
  });

  it('is a finding when its event loop comes late again and again, though no request tells of it', () => {
    const main = thread('main', { running: 33, idle: 27 }, { lateS: 0.48 });
    const turn = span('eventloop.blocked', 0, 510, { threadName: 'main', site: { file: 'app.js', line: 7 } });
    const finding = onlyFinding(evidence({ threads: [main], spanGroups: [groupOf(turn)] }));
    expect(finding).toMatchObject({ severity: 'slow', costS: 33, site: { file: 'app.js', line: 7 } });
    expect(finding.title).toMatch(/^The main thread came back to its event loop 480 ms late at worst, again and again/);
    expect(finding.facts[1]).toBe('It computed 55 % of the time, and was free for 45 %.');
    const told = evidence({ threads: [main] }, { costs: { main: [{ ...search, sumS: 30 }], workers: [] } });
    expect(titles(told)).toEqual([expect.stringMatching(/^GET \/search keeps the main thread/)]);
  });

  it.each([
    ['late once, at its start', { running: 33, idle: 27 }, 0.002],
    ['late because it has no CPU', { running: 5, runnable: 10, idle: 45 }, 0.3],
    ['seen too shortly', { running: 3, idle: 1 }, 0.3],
  ])('is none when it is %s', (_, seconds, lateS) => {
    expect(titles(evidence({ threads: [thread('main', seconds, { lateS })] }))).toEqual([]);
  });

  it('is none when the requests are short, or few', () => {
    const threads = [thread('main', { running: 15, idle: 45 })];
    for (const other of [
      { ...search, eachMs: 4 },
      { ...search, sumS: 2 },
    ]) {
      expect(titles(evidence({ threads }, { costs: { main: [other], workers: [] } }))).toEqual([]);
    }
  });
});
