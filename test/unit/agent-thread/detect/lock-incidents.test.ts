/** Findings, abandoned locks and races: what is logged, counted and said, and how often. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Findings } from '../../../../agent/agent-thread/detect/findings.ts';
import { LockIncidents } from '../../../../agent/agent-thread/detect/lock-incidents.ts';
import type { RaceRecord } from '../../../../agent/shared-memory/lock-records.ts';
import { collected, FakeNaming, RecordedVoices, traceOf } from './recorded-voices.ts';
import { threadNamed } from './scenes.ts';

const S = 1e9;

let voices: RecordedVoices;
let naming: FakeNaming;
let findings: Findings;
let incidents: LockIncidents;

beforeEach(() => {
  voices = new RecordedVoices();
  naming = new FakeNaming();
  findings = new Findings(voices);
  incidents = new LockIncidents({ voices, naming, findings });
});

describe('findings', () => {
  const report = (key: string, atS: number): void => {
    const place = { site: '', stack: 'f (shop.js:1:2)' };
    findings.report({ finding: 'convoy', body: 'so', attributes: {}, place, key, context: undefined, timeNs: atS * S });
  };

  test('are counted by kind, from zero', () => {
    report('a', 0);
    report('a', 1);
    expect(collected(findings)).toMatchObject({
      'gridwatch.findings convoy': 2,
      'gridwatch.findings starvation': 0,
      'gridwatch.findings race': 0,
      'gridwatch.findings suspected_deadlock': 0,
    });
    expect(Object.keys(collected(findings))).toHaveLength(8);
  });

  test('are logged by what they are about, which the log limits to one a minute', () => {
    report('a', 0);
    expect(voices.logs[0]).toMatchObject({ eventName: 'gridwatch.finding', key: 'convoy a', body: 'so' });
    expect(voices.logs[0]?.attributes).toMatchObject({ 'gridwatch.finding': 'convoy', 'code.line.number': 1 });
  });

  test('are said at most once a minute', () => {
    for (let atS = 0; atS < 120; atS++) {
      report('a', atS);
      report('b', atS);
    }
    expect(voices.diag.lines).toHaveLength(4);
    expect(voices.diag.lines[0]).toBe('warn convoy: so at shop.js:1:2 in f');
  });
});

describe('a race', () => {
  const race = (more: Partial<RaceRecord> = {}): RaceRecord => ({
    lockId: 3,
    index: 8,
    isWrite: true,
    otherIsWrite: false,
    atNs: S,
    stackNumber: 21,
    context: traceOf(1),
    other: { holderWord: 5, slot: 0, siteNumber: 0, stackNumber: 22, context: traceOf(2) },
    ...more,
  });

  test('is told with both threads, stacks and traces', () => {
    naming.threads.set(5, threadNamed('t7'));
    incidents.raced(race(), threadNamed('t1'));
    expect(voices.logs).toHaveLength(1);
    expect(voices.logs[0]?.body).toBe(
      't1 writes element 8 of what "c3" guards, and t7 reads it, with no lock in common',
    );
    expect(voices.logs[0]?.attributes).toMatchObject({
      'gridwatch.finding': 'race',
      'gridwatch.race.index': 8,
      'thread.name': 't1',
      'code.stacktrace': '    at text 21',
      'gridwatch.trace_id': '1'.repeat(32),
      'gridwatch.other.thread.name': 't7',
      'gridwatch.other.stacktrace': '    at text 22',
      'gridwatch.other.trace_id': '2'.repeat(32),
    });
  });

  test('of the same two places is told once, whichever thread was first; of others again', () => {
    const { other } = race();
    incidents.raced(race(), threadNamed('t1'));
    incidents.raced(race({ stackNumber: 22, other: { ...other, stackNumber: 21 } }), threadNamed('t2'));
    expect(voices.logs).toHaveLength(1);
    incidents.raced(race({ stackNumber: 23 }), threadNamed('t1'));
    expect(voices.logs).toHaveLength(2);
    expect(collected(findings)['gridwatch.findings race']).toBe(2);
  });
});

test('an abandoned lock is logged and said, with the thread that has ended', () => {
  const lock = naming.lockOf({ lockId: 4 });
  incidents.abandoned(lock, threadNamed('t1'), S);
  incidents.abandoned(lock, undefined, 2 * S);
  expect(voices.logs.map(({ eventName, key }) => [eventName, key])).toEqual([
    ['gridwatch.lock.abandoned', 'c4'],
    ['gridwatch.lock.abandoned', 'c4'],
  ]);
  expect(voices.logs[0]?.attributes).toMatchObject({ 'thread.name': 't1', 'gridwatch.lock.name': 'c4' });
  expect(voices.diag.lines).toEqual(['warn t1 ended while it held "c4"; the next holder is told']);
});

test('what a thread left behind that held nothing: an item in a channel, a round of a barrier', () => {
  const lock = naming.lockOf({ lockId: 4 });
  incidents.abandoned({ ...lock, kind: 'channel' }, undefined, S);
  incidents.abandoned({ ...lock, kind: 'barrier' }, threadNamed('t1'), S);
  expect(voices.logs.map(({ body }) => body)).toEqual([
    'a thread ended while it sent an item to "c4"; that item is lost',
    't1 ended while it waited at "c4"; the round is broken',
  ]);
});
