/** The rules about workers that fail, start slowly or too often, and about pools of the wrong size. */
import { describe, expect, it } from 'vitest';
import { renderReport } from '../../../../../agent/cli/ui/findings/report.ts';
import type { Summary } from '../../../../../agent/cli/ui/summary.ts';
import type { AgentEvent } from '../../../../../agent/cli/ui/window/window.ts';
import { groupOf, PROCESS, span, thread } from '../summaries.ts';
import { evidence, LOOK, onlyFinding, titles } from './evidence.ts';

describe('workers', () => {
  const event: AgentEvent = {
    process: PROCESS,
    name: 'gridwatch.thread.failed',
    timeMs: 1,
    body: 'worker resize ended: uncaught',
    threadName: 'resize',
    errorType: 'uncaught',
    site: { file: 'src/pool.js', line: 12 },
    workerFile: 'src/resize.js',
    finding: '',
    lockKind: '',
  };

  it('that fail are a finding, with the place', () => {
    const given = evidence({ exits: [{ errorType: 'uncaught', count: 3 }], events: [event] });
    const finding = onlyFinding(given);
    expect(finding).toMatchObject({
      severity: 'failure',
      title: '3 workers ended with an error that nothing in it caught, resize among them.',
      site: { line: 12 },
    });
    expect(finding.facts).toEqual(["The worker's file is src/resize.js."]);
    expect(renderReport(given, LOOK)).toContain('   at src/pool.js:12');
  });

  it('that start slowly are a finding', () => {
    const start = span('worker.start resize', 0, 1200, {
      isGridwatch: true,
      threadName: 'resize',
      site: { file: 'src/main.js', line: 3 },
      workerFile: 'src/resize.js',
    });
    const finding = onlyFinding(
      evidence({ workerStarts: { count: 2, sumS: 1.8, atMostS: 2.5 }, spanGroups: [groupOf(start)] }),
    );
    expect(finding.title).toBe('A worker took 900 ms until its first line of code.');
    expect(finding.facts).toEqual([
      'That is the mean of 2 starts; the slowest, resize, took 1.2 s.',
      "The worker's file is src/resize.js.",
    ]);
    expect(finding.site?.file).toBe('src/main.js');
  });

  it('are not to blame for a slow start when nothing on the machine gets a CPU', () => {
    const workerStarts = { count: 2, sumS: 1.8, atMostS: 2.5 };
    const threads = [thread('main', { running: 2, runnable: 6, idle: 52 })];
    expect(titles(evidence({ threads, workerStarts }))).toEqual([]);
  });

  it('that are started again and again are a finding', () => {
    const finding = onlyFinding(evidence({ workerStarts: { count: 300, sumS: 12, atMostS: 0.05 } }));
    expect(finding).toMatchObject({ severity: 'waste', title: '300 workers started, 5.0 a second.' });
    expect(finding.facts[0]).toBe('Each took 40 ms until its first line of code, 12 s in all.');
  });

  const pool = (...runningS: number[]): Summary['threads'] =>
    runningS.map((running, at) => thread(`worker-${at + 1}`, { running, parked: 60 - running }));

  it('of which most never run are a finding', () => {
    expect(titles(evidence({ threads: pool(30, 20, 0, 0, 0, 0) }))).toEqual([
      '4 of 6 "worker" workers did next to nothing.',
    ]);
  });

  it('of which one does everything are a finding, and only one', () => {
    expect(titles(evidence({ threads: pool(59, 1, 0, 0) }))).toEqual([
      'worker-1 computed all the time while 3 workers of its kind had nothing to do.',
    ]);
  });

  it('that are all busy while CPUs rest are a finding', () => {
    const given = evidence({ threads: pool(58, 57), usedCores: 1.9 });
    expect(titles(given)).toEqual(['All 2 "worker" workers were busy while 2.1 CPUs had nothing to do.']);
    expect(titles(evidence({ threads: pool(58, 57), usedCores: 3.9 }))).toEqual([]);
  });
});
