/** The rules about queues, pools and messages: what each takes to be one, what it says, and what is none. */
import { describe, expect, it } from 'vitest';
import { findingsOf } from '../../../../../agent/cli/ui/findings/report.ts';
import type { QueueSummary } from '../../../../../agent/cli/ui/queue-summary.ts';
import { queue, thread } from '../summaries.ts';
import { evidence, onlyFinding, titles } from './evidence.ts';

const LONG_WAITS = { count: 1000, sumS: 340, atMostS: 1 };
const FULL = queue({
  waits: LONG_WAITS,
  services: { count: 1000, sumS: 240, atMostS: 0.5 },
  pool: { threads: 4, limit: 4, utilization: 0.98 },
});

describe('a pool that was full', () => {
  it('is a finding: how long its tasks waited, and that there are CPUs for more workers', () => {
    const finding = onlyFinding(evidence({ queues: [FULL] }));
    expect(finding).toMatchObject({ severity: 'slow', costS: 340 });
    expect(finding.title).toBe('The pool piscina@work.js was full: what came to it waited 340 ms on average.');
    expect(finding.facts).toEqual([
      'It was at work for 98 % of the time, 4 at once of at most 4. Each item took 240 ms.',
      'No wait was longer than this: under 1 s. The program used 0.3 of 4 CPUs.',
    ]);
    expect(finding.advice).toMatch(/^There are CPUs for more workers/);
  });

  it('where all CPUs are used needs no more workers', () => {
    expect(onlyFinding(evidence({ queues: [FULL], usedCores: 3.5 })).advice).toMatch(/would find no CPU/);
  });

  it('of connections is told to hold them for less', () => {
    const pool = queue({ ...FULL, kind: 'connection_pool', name: 'pg-pool@db.js:3' });
    const finding = onlyFinding(evidence({ queues: [pool] }));
    expect(finding.title).toMatch(/^The connection pool pg-pool@db\.js:3 was full/);
    expect(finding.advice).toMatch(/Hold each connection for less/);
  });

  it('of libuv is told what runs there', () => {
    const pool = queue({ ...FULL, kind: 'libuv', name: 'libuv', arrivals: 0, completions: 0 });
    const finding = onlyFinding(evidence({ queues: [pool] }));
    expect(finding.title).toMatch(/^libuv's thread pool was full/);
    expect(finding.advice).toMatch(/UV_THREADPOOL_SIZE/);
  });

  it('says what the workers of the same pool would have been said to be', () => {
    const busy = ['main', 'worker-1', 'worker-2'].map((name) => thread(name, { running: name === 'main' ? 1 : 59 }));
    expect(titles(evidence({ threads: busy, queues: [FULL] }))).toHaveLength(1);
    expect(titles(evidence({ threads: busy }))[0]).toMatch(/workers were busy while/);
  });

  it.each<[string, Partial<QueueSummary>]>([
    ['is idle', { waits: { count: 0, sumS: 0, atMostS: 0 }, pool: { threads: 4, limit: 4, utilization: 0 } }],
    ['has time, although tasks waited in a burst', { pool: { threads: 4, limit: 4, utilization: 0.5 } }],
    ['hardly lets anything wait', { waits: { count: 1000, sumS: 15, atMostS: 0.1 } }],
    ['had but a few tasks', { waits: { count: 19, sumS: 19, atMostS: 2.5 } }],
    ['is many', { name: '_OTHER' }],
  ])('is none if it %s', (_, changes) => {
    expect(titles(evidence({ queues: [queue({ ...FULL, ...changes })] }))).toEqual([]);
  });
});

describe('a queue that only grew', () => {
  const growing = queue({
    name: 'fastq@app.js:3',
    kind: 'task_queue',
    arrivals: 5000,
    completions: 4000,
    growth: [250, 250, 250, 250],
    size: 1000,
    oldestS: 12,
  });

  it('is a finding', () => {
    const finding = onlyFinding(evidence({ queues: [growing] }));
    expect(finding.title).toBe('The queue fastq@app.js:3 only grew: 1000 items wait in it.');
    expect(finding.facts).toEqual(['In 60 s there came 5000, and 4000 were served.', 'The oldest has waited 12 s.']);
  });

  it('to a worker is said with what that worker does', () => {
    const threads = [thread('main', { idle: 60 }), thread('worker-1', { running: 57, idle: 3 })];
    const port = queue({ ...growing, name: 'worker-1', kind: 'message_port', direction: 'to_worker' });
    const finding = onlyFinding(evidence({ threads, queues: [port] }));
    expect(finding.title).toBe('The port to worker-1 only grew: 1000 messages wait in it.');
    expect(finding.facts.at(-1)).toBe('worker-1, which is to take them, computed 95 % of the time.');
  });

  it.each<[string, Partial<QueueSummary>]>([
    ['was filled at once and gets emptier', { growth: [1200, -100, -50, -50] }],
    ['has but a few', { size: 49, growth: [13, 13, 13, 10] }],
    ['has few beside what came', { arrivals: 100_000 }],
    ['is empty now', { size: 0 }],
  ])('is none if it %s', (_, changes) => {
    expect(titles(evidence({ queues: [queue({ ...growing, ...changes })] }))).toEqual([]);
  });

  it('is none in a short run', () => {
    expect(titles(evidence({ queues: [growing], toMs: 19_000 }))).toEqual([]);
  });
});

it('items that were refused are a failure', () => {
  const finding = onlyFinding(evidence({ queues: [queue({ rejections: 3, size: 12 })] }));
  expect(finding).toMatchObject({ severity: 'failure', title: 'The pool piscina@work.js refused 3 items.' });
  expect(finding.facts).toEqual(['It took 1000; 12 wait in it.']);
});

describe('messages', () => {
  const port = (options: Partial<QueueSummary>): QueueSummary =>
    queue({ name: 'worker-1', kind: 'message_port', direction: 'to_worker', ...options });
  const threads = [thread('main', { running: 48, idle: 12 }), thread('worker-1', { running: 36, idle: 24 })];

  it('that waited while their receiver computed are a finding', () => {
    const finding = onlyFinding(evidence({ threads, queues: [port({ waits: LONG_WAITS })] }));
    expect(finding.title).toBe('Messages to worker-1 waited 340 ms until they were taken, on average.');
    expect(finding.facts).toEqual([
      'worker-1 computed 60 % of the time: it takes no message while it does.',
      '1000 messages, no wait longer than this: under 1 s.',
    ]);
  });

  it('from a worker wait for the main thread', () => {
    const finding = onlyFinding(evidence({ threads, queues: [port({ direction: 'to_parent', waits: LONG_WAITS })] }));
    expect(finding.title).toBe('Messages from worker-1 waited 340 ms until they were taken, on average.');
    expect(finding.facts[0]).toBe('The main thread computed 80 % of the time: it takes no message while it does.');
  });

  it('that waited for a thread which has its CPU only half of the time are a finding like the others', () => {
    const hindered = [thread('main', { idle: 60 }), thread('worker-1', { running: 28, runnable: 32 })];
    const [finding] = findingsOf(evidence({ threads: hindered, queues: [port({ waits: LONG_WAITS })] }));
    expect(finding?.title).toMatch(/^Messages to worker-1 waited/);
    expect(finding?.facts[0]).toBe(
      'worker-1 computed 47 % of the time, and was ready without a CPU for 53 %: it takes no message while it does.',
    );
  });

  it('that waited while their receiver had nothing to do, or of a port nobody knows the end of, are none', () => {
    const idle = [thread('main', { idle: 60 }), thread('worker-1', { parked: 60 })];
    expect(titles(evidence({ threads: idle, queues: [port({ waits: LONG_WAITS })] }))).toEqual([]);
    const other = port({ waits: LONG_WAITS, name: 'MessageChannel@app.js:3', direction: '' });
    expect(titles(evidence({ threads, queues: [other] }))).toEqual([]);
  });

  it('that are costly to write are a finding, of all ports of that thread together', () => {
    const serialises = { count: 500, sumS: 6, atMostS: 0.05 };
    const queues = [port({ serialises }), port({ name: 'worker-2', serialises })];
    const finding = onlyFinding(evidence({ threads, queues }));
    expect(finding).toMatchObject({
      severity: 'waste',
      title: 'Writing messages to workers took 12 s, as much as 25 % of what the main thread computed.',
      facts: ['1000 messages, 12 ms each; to read them costs about as much again.'],
    });
    const own = port({ direction: 'to_parent', serialises: { count: 100, sumS: 9, atMostS: 0.1 } });
    expect(onlyFinding(evidence({ threads, queues: [own] })).title).toBe(
      'Writing messages took worker-1 9 s, 25 % of what it computed.',
    );
  });

  it('that cost little to write, or little beside the rest, are none', () => {
    for (const sumS of [0.4, 4.7])
      expect(titles(evidence({ threads, queues: [port({ serialises: { count: 100, sumS, atMostS: 1 } })] }))).toEqual(
        [],
      );
  });
});
