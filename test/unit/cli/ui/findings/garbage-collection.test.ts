/** The rules about garbage collection: a program that has the trouble, and one that has not. */
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../../../../agent/cli/ui/summary.ts';
import { groupOf, PROCESS, span, thread } from '../summaries.ts';
import { evidence, onlyFinding, titles } from './evidence.ts';

describe('pauses of garbage collection', () => {
  it('are a finding when they take much of a thread', () => {
    const gc = { count: 900, sumS: 6, atMostS: 0.05 };
    const main = thread('main', { running: 30, idle: 30 }, { gc, minorGc: gc });
    const finding = onlyFinding(evidence({ threads: [main] }));
    expect(finding.title).toBe('Garbage collection stopped main for 10 % of the time.');
    expect(finding.facts).toEqual(['900 pauses, 6 s in all, each under 50 ms.']);
    expect(finding.advice).toMatch(/^Most of it collects young objects.*--max-semi-space-size/);
  });

  it('are laid to large objects that die when the whole heap is collected again and again', () => {
    const [gc, majorGc] = [
      { count: 240, sumS: 6, atMostS: 0.1 },
      { count: 90, sumS: 4, atMostS: 0.1 },
    ];
    const main = thread('main', { running: 30, idle: 30 }, { gc, majorGc });
    const { advice } = onlyFinding(evidence({ threads: [main] }));
    expect(advice).toMatch(/^The whole heap was collected 1\.5 times a second: .*and then dies/);
    expect(advice).not.toContain('max-old-space-size');
  });

  it('are a finding when one is long, with other advice when that is seldom', () => {
    const gc = { count: 3, sumS: 0.5, atMostS: 0.5 };
    const worker = thread('crunch', { running: 30, idle: 30 }, { gc, majorGc: gc });
    const pauses = [
      span('gc major', 0, 420, { threadName: 'crunch' }),
      span('gc major', 500, 900, { threadName: 'other' }),
    ];
    const finding = onlyFinding(evidence({ threads: [worker], pauses }));
    expect(finding.title).toBe('Garbage collection stopped crunch for 420 ms at a stretch.');
    expect(finding.advice).toMatch(/^The whole heap was collected seldom.*--heapsnapshot-signal/);
  });

  it('count once for a request, though each has a span in all requests that it held up', () => {
    const main = thread('main', { running: 3, idle: 57 }, { gc: { count: 9, sumS: 0.1, atMostS: 0.1 } });
    const pauses = [
      span('gc major', 1050, 1080, { threadName: 'main' }),
      span('gc major', 1000, 1040, { threadName: 'main' }),
      span('gc major', 1050, 1080, { threadName: 'main' }),
      span('gc major', 1000, 1040, { threadName: 'main' }),
    ];
    const requests = groupOf(
      span('GET /slow', 990, 1090, { isRequest: true }),
      span('GET /slow', 995, 1090, { isRequest: true }),
    );
    const finding = onlyFinding(evidence({ threads: [main], pauses, spanGroups: [requests] }));
    expect(finding.facts[1]).toBe(
      '2 of the slowest requests were held up by it: GET /slow took 100 ms, 70 ms of that in a pause.',
    );
  });

  it('are a finding when slow requests stood still in them', () => {
    const main = thread('main', { running: 3, idle: 57 }, { gc: { count: 9, sumS: 0.1, atMostS: 0.1 } });
    const pauses = [
      span('gc minor', 1000, 1040, { threadName: 'main' }),
      span('gc minor', 1050, 1080, { threadName: 'main' }),
    ];
    const requests = groupOf(
      span('GET /slow', 990, 1090, { isRequest: true }),
      span('GET /slow', 5000, 5090, { isRequest: true }),
      span('GET /slow', 1000, 1080, { isRequest: true, process: { ...PROCESS, pid: 5 } }),
    );
    const finding = onlyFinding(evidence({ threads: [main], pauses, spanGroups: [requests] }));
    expect(finding.title).toBe('Garbage collection on main held up 1 slow request.');
    expect(finding.facts[1]).toBe(
      '1 of the slowest requests was held up by it: GET /slow took 100 ms, 70 ms of that in a pause.',
    );
  });
});

describe('garbage collection beside the program', () => {
  const v8 = (running: number): Summary['threads'][number] => thread('v8', { running, parked: 60 }, { role: 'v8' });
  const threads = [thread('main', { running: 6, idle: 54 }), thread('worker-1', { running: 24, parked: 36 })];

  it('is a finding when it takes much of the CPU time', () => {
    expect(titles(evidence({ threads: [...threads, v8(2)] }))).toEqual([]);
    const finding = onlyFinding(evidence({ threads: [...threads, v8(6)] }));
    expect(finding.title).toBe("V8's own threads took 17 % of the program's CPU time, 6 s.");
    expect(finding.facts).toEqual(['They collect garbage, and compile at the start.']);
  });

  it('says so when the pauses of workers cannot be seen, and what those compute', () => {
    const disabledFeatures = [{ feature: 'gc.parked_threads', reason: 'unsupported_platform' }];
    const workers = [
      { route: 'GET /report', count: 600, eachMs: 25, sumS: 15, explained: 0.9 },
      { route: 'POST /orders', count: 600, eachMs: 5, sumS: 3, explained: 0.9 },
    ];
    const given = evidence({ threads: [...threads, v8(6)], disabledFeatures }, { costs: { main: [], workers } });
    expect(onlyFinding(given).facts.slice(1)).toEqual([
      'Node tells no pauses of workers that rest in Atomics.wait, so their share of it is not known.',
      'The workers computed most for GET /report (about 25 ms each) and POST /orders (about 5 ms each); that is an estimate.',
    ]);
  });
});
