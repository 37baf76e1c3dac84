/** Each rule on a program that has the trouble and on one that has not, and the report made of them. */
import { describe, expect, it } from 'vitest';
import { findingsOf, renderReport } from '../../../../agent/cli/ui/findings/report.ts';
import type { Evidence, Finding } from '../../../../agent/cli/ui/findings/rule.ts';
import type { Look } from '../../../../agent/cli/ui/paint.ts';
import type { Summary } from '../../../../agent/cli/ui/summary.ts';
import type { AgentEvent } from '../../../../agent/cli/ui/window/window.ts';
import { groupOf, PROCESS, span, summary, thread } from './summaries.ts';

const LOOK: Look = { columns: 100, rows: 30, hasColor: false, hasUnicode: true };

function evidence(options: Partial<Summary> = {}, more: Partial<Evidence> = {}): Evidence {
  return {
    summary: summary(options),
    costs: { main: [], workers: [] },
    lockSites: [],
    cpuQuota: undefined,
    forwarded: undefined,
    refusedCount: 0,
    ...more,
  };
}

function titles(given: Evidence): string[] {
  return findingsOf(given).map(({ title }) => title);
}

/** The only finding there is. */
function onlyFinding(given: Evidence): Finding {
  const findings = findingsOf(given);
  expect(findings.map(({ title }) => title)).toHaveLength(1);
  return findings[0]!;
}

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

describe('locks', () => {
  const threads = [
    thread('main', { running: 6, idle: 54 }),
    thread('worker-1', { running: 10, waiting_lock: 4, parked: 46 }),
    thread('worker-2', { running: 10, waiting_lock: 6, parked: 44 }),
  ];

  it('that workers wait for are a finding, with the place', () => {
    const finding = onlyFinding(evidence({ threads }, { lockSites: ['shop/lock.js:15'] }));
    expect(finding.title).toBe('Threads waited for a lock for 10 s, 33 % of the time in which they had work.');
    expect(finding.facts).toEqual(['worker-2 waited longest, 6 s.']);
    expect(finding.site).toEqual({ file: 'shop/lock.js', line: 15 });
  });

  it('are named as they were configured, where there are several, with what the workers compute most for', () => {
    const workers = [{ route: 'POST /orders', count: 900, eachMs: 13, sumS: 11.7, explained: 0.9 }];
    const lockSites = ['lock.js:*', 'other.js:3'];
    const finding = onlyFinding(evidence({ threads }, { lockSites, costs: { main: [], workers } }));
    expect(finding.facts.slice(1)).toEqual([
      'The workers computed most for POST /orders (about 13 ms each); that is an estimate.',
      'The locks are those of GRIDWATCH_ATOMICS_SITES: lock.js:*, other.js:3.',
    ]);
    expect(finding.site).toBeUndefined();
    const one = onlyFinding(evidence({ threads }, { lockSites: ['lock.js:*'] }));
    expect(one.site).toEqual({ file: 'lock.js:*', line: undefined });
  });

  it('that are hardly waited for are none', () => {
    const quiet = [thread('main', { idle: 60 }), thread('worker-1', { running: 30, waiting_lock: 0.6, parked: 29 })];
    expect(titles(evidence({ threads: quiet }))).toEqual([]);
  });
});

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
