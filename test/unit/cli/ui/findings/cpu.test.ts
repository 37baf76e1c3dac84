/** The rule about CPUs that threads wait for, and who is to blame. */
import { describe, expect, it } from 'vitest';
import { thread } from '../summaries.ts';
import { evidence, onlyFinding } from './evidence.ts';

describe('CPUs', () => {
  it('more demand than CPUs is a finding, and the program is to blame when it fills them', () => {
    const workers = [1, 2, 3, 4, 5, 6].map((k) => thread(`w${k}`, { running: 38, runnable: 20, idle: 2 }));
    const threads = [thread('main', { running: 6, runnable: 6, idle: 48 }), ...workers];
    const finding = onlyFinding(evidence({ threads, usedCores: 3.9, demand: 6 }));
    expect(finding.title).toBe('Threads were ready to run and had no CPU for 2 min of thread time.');
    expect(finding.facts).toEqual([
      'The program wanted 6.0 CPUs on average and got 3.9, of 4 usable.',
      'The main thread waited like that for 10 % of its time, and every request with it.',
    ]);
    expect(finding.advice).toContain('there were 6 workers');
  });

  it("is a quota's or the others' fault when the program does not fill them", () => {
    const threads = [thread('main', { running: 20, runnable: 30, idle: 10 })];
    expect(onlyFinding(evidence({ threads, usedCores: 0.4 }))).toMatchObject({
      severity: 'blind',
      advice: expect.stringContaining('did not fill its CPUs'),
    });
    expect(onlyFinding(evidence({ threads, usedCores: 0.4 }, { cpuQuota: 0.5 }))).toMatchObject({
      severity: 'slow',
      facts: expect.arrayContaining(['Its control group may use 0.5 CPUs.']),
    });
    const cores = [0, 1, 2, 3].map((number) => ({ number, busy: 1 }));
    const finding = onlyFinding(evidence({ threads, cores, usedCores: 0.4 }));
    expect(finding.severity).toBe('blind');
    expect(finding.facts).toContain('Other programs used 3.6 CPUs meanwhile.');
  });
});
