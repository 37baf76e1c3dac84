/** What the report says: nothing of a program that is well, the worst first of one that is not, and what it did not see. */
import { describe, expect, it } from 'vitest';
import { findingsOf, renderReport } from '../../../../../agent/cli/ui/findings/report.ts';
import type { Summary } from '../../../../../agent/cli/ui/summary.ts';
import { groupOf, span, thread } from '../summaries.ts';
import { evidence, LOOK, titles } from './evidence.ts';

describe('nothing is found', () => {
  it.each<[string, Partial<Summary>]>([
    ['in a program that does some work', {}],
    [
      'in a pool that is idle',
      { threads: [thread('main', { idle: 60 }), ...[1, 2, 3, 4].map((k) => thread(`worker-${k}`, { parked: 60 }))] },
    ],
    [
      'in a worker that computes, as workers do',
      { threads: [thread('main', { idle: 60 }), thread('crunch', { running: 60 })] },
    ],
    [
      'in a few short pauses',
      { threads: [thread('main', { running: 30, idle: 30 }, { gc: { count: 90, sumS: 0.4, atMostS: 0.01 } })] },
    ],
    ['in workers that a pool terminated', { exits: [{ errorType: 'terminated', count: 4 }] }],
    ['in features that somebody switched off', { disabledFeatures: [{ feature: 'gc', reason: 'configured' }] }],
    ['in what a platform lacks', { disabledFeatures: [{ feature: 'cpu.frequency', reason: 'unsupported_platform' }] }],
    ['in a busy start', { toMs: 2000, threads: [thread('main', { running: 2 })] }],
    [
      'in an agent that waits for a CPU',
      { threads: [thread('main', { idle: 60 }), thread('agent', { runnable: 50 }, { role: 'agent' })] },
    ],
  ])('%s', (_what, options) => {
    expect(titles(evidence(options))).toEqual([]);
  });
});

describe('gaps', () => {
  it('are findings of the last rank', () => {
    const forwarded = { delivered: 1, failed: 2, dropped: 3, unsupported: [], lastFailure: 'ECONNREFUSED' };
    const given = evidence(
      {
        drops: [{ kind: 'gc', count: 12 }],
        exportFailures: 1,
        disabledFeatures: [{ feature: 'threads.kernel_state', reason: 'no_permission' }],
        threads: [thread('main', { running: 57, idle: 3 })],
      },
      { forwarded },
    );
    const findings = findingsOf(given);
    expect(findings.map(({ severity }) => severity)).toEqual(['slow', 'blind', 'blind', 'blind']);
    expect(findings[1]?.facts).toEqual([
      'The agent dropped 12 records of the kind "gc".',
      '1 export of the agent failed.',
    ]);
    expect(findings[2]?.title).toBe('5 requests did not reach your OTLP endpoint.');
    expect(findings[3]?.facts).toEqual(['threads.kernel_state: the process may not read it.']);
  });
});

describe('the report', () => {
  const bad = evidence({
    exits: [{ errorType: 'out_of_memory', count: 1 }],
    threads: [
      thread('main', { running: 57, idle: 3 }, { gc: { count: 9, sumS: 9, atMostS: 1 } }),
      ...[30, 0, 0, 0].map((running, at) => thread(`worker-${at}`, { running, parked: 60 - running })),
    ],
    workerStarts: { count: 100, sumS: 50, atMostS: 1 },
    drops: [{ kind: 'gc', count: 12 }],
    usedCores: 1.5,
  });

  it('has at most five findings, worst first, and says how many it left out', () => {
    const lines = renderReport(bad, LOOK);
    const numbered = lines.filter((line) => /^\d\. /.test(line));
    expect(lines[0]).toBe('gridwatch: 5 findings, worst first (60 s observed).');
    expect(numbered).toHaveLength(5);
    expect(numbered[0]).toBe('1. 1 worker ran out of memory.');
    expect(lines.at(-1)).toBe('2 lesser findings not shown.');
  });

  it('is no wider than the terminal', () => {
    for (const columns of [40, 60, 200]) {
      for (const line of renderReport(bad, { ...LOOK, columns })) expect(line.length).toBeLessThanOrEqual(columns);
    }
  });

  it('says when nothing stands out, and what that rests on', () => {
    const slow = groupOf(span('GET /', 0, 31, { isRequest: true }));
    expect(renderReport(evidence({ spanGroups: [slow] }), LOOK)).toEqual([
      'gridwatch: nothing stands out (60 s observed).',
      '  The main thread computed 10 % of the time, 0 % of it was garbage collection. 1 worker; the program',
      '  used 0.3 of 4 CPUs.',
      '  The slowest request, GET /, took 31 ms.',
    ]);
  });

  it('says when it saw nothing, or little', () => {
    expect(renderReport(evidence({ hasAgentData: false }), LOOK).join(' ')).toContain(
      'no telemetry of the agent arrived',
    );
    expect(renderReport(evidence({ toMs: 1500 }), LOOK).at(-1)).toContain('The run was short');
    expect(renderReport(evidence({ toMs: 300 }), LOOK)).toEqual([
      'gridwatch: the program ended after 300 ms: too soon to say anything.',
    ]);
    const failed = evidence({ toMs: 300, exits: [{ errorType: 'exit_code', count: 1 }] });
    expect(renderReport(failed, LOOK)[0]).toBe('gridwatch: 1 finding, worst first (300 ms observed).');
  });
});
