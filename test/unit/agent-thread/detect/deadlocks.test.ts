/** Deadlocks: when they are told, how often, what is said of them, and which waiter is aborted. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Deadlocks } from '../../../../agent/agent-thread/detect/deadlocks.ts';
import type { SceneWait } from '../../../../agent/agent-thread/model/lock-scene-types.ts';
import { collected, RecordedFindings, RecordedVoices, traceOf } from './recorded-voices.ts';
import { Program } from './scenes.ts';

const MS = 1e6;
const S = 1e9;

let voices: RecordedVoices;
let findings: RecordedFindings;
let flushes: number;
let deadlocks: Deadlocks;

beforeEach(() => {
  voices = new RecordedVoices();
  findings = new RecordedFindings();
  flushes = 0;
  deadlocks = new Deadlocks({ voices, findings, flush: () => flushes++ });
});

function crossed({ number = 1, sinceNs = 1 * S } = {}): Program {
  const program = new Program().hold('a', 't1').hold('b', 't2');
  const stack = 'pay (shop.js:12:7)\nserve (shop.js:40:3)';
  program.wait('t1', 'b', { number, sinceNs, site: 'shop.js:12:7', stack, context: traceOf(1) });
  return program.wait('t2', 'a', { sinceNs: sinceNs - 5 * MS, context: traceOf(2) });
}

const deadlockSpans = (): typeof voices.spans => voices.spans.filter(({ name }) => name === 'deadlock');

describe('a deadlock of threads', () => {
  test('is told at the second look, and once', () => {
    deadlocks.look(crossed().scene(1.05 * S));
    expect(voices.spans).toEqual([]);
    for (let atNs = 1.15 * S; atNs < 5 * S; atNs += 0.1 * S) deadlocks.look(crossed().scene(atNs));
    expect(deadlockSpans()).toHaveLength(1);
    expect(voices.logs).toHaveLength(1);
    expect(flushes).toBe(1);
    expect(collected(deadlocks)).toEqual({
      'gridwatch.deadlocks': 1,
      'gridwatch.deadlock.thread.count a': 1,
      'gridwatch.deadlock.thread.count b': 1,
    });
  });

  test('is not told when the waits are others at the second look', () => {
    for (let number = 1; number < 50; number++) deadlocks.look(crossed({ number }).scene(number * S));
    expect(voices.spans).toEqual([]);
    expect(collected(deadlocks)).toEqual({ 'gridwatch.deadlocks': 0 });
  });

  test('is told again when it has changed', () => {
    for (const number of [1, 1, 2, 2, 2]) deadlocks.look(crossed({ number }).scene(2 * S));
    expect(deadlockSpans()).toHaveLength(2);
    expect(flushes).toBe(2);
    /* A person has read it, and the log has the same key. */
    expect(voices.diag.lines.filter((line) => line.startsWith('error deadlock:'))).toHaveLength(1);
    expect(new Set(voices.logs.map(({ key }) => key)).size).toBe(1);
  });

  test('is not told again when a look has missed it', () => {
    const gone = new Program().scene(3 * S);
    for (const scene of [crossed().scene(2 * S), crossed().scene(2 * S), gone, gone, gone]) deadlocks.look(scene);
    expect(collected(deadlocks)['gridwatch.deadlock.thread.count a']).toBe(0);
    for (let i = 0; i < 3; i++) deadlocks.look(crossed().scene(4 * S));
    expect(deadlockSpans()).toHaveLength(1);
    expect(collected(deadlocks)).toMatchObject({ 'gridwatch.deadlocks': 1, 'gridwatch.deadlock.thread.count a': 1 });
  });

  test('leaves the count of threads when it is over, and a line', () => {
    deadlocks.look(crossed().scene(2 * S));
    deadlocks.look(crossed().scene(2.1 * S));
    deadlocks.look(new Program().scene(3 * S));
    deadlocks.look(new Program().scene(4 * S));
    expect(collected(deadlocks)).toEqual({
      'gridwatch.deadlocks': 1,
      'gridwatch.deadlock.thread.count a': 0,
      'gridwatch.deadlock.thread.count b': 0,
    });
    expect(voices.diag.lines.at(-1)).toBe('info the deadlock of t2, t1 is over after 3.0 s');
  });

  test('keeps its waits, and those behind it, from being told as long', () => {
    const program = crossed().wait('t3', 'a').wait('t4', 'c');
    program.hold('c', 't5');
    deadlocks.look(program.scene(2 * S));
    deadlocks.look(program.scene(2.1 * S));
    expect(program.waits.map((wait) => deadlocks.isStuck(wait))).toEqual([true, true, true, false]);
  });
});

describe('what is said of it', () => {
  beforeEach(() => {
    deadlocks.look(crossed().scene(1.1 * S));
    deadlocks.look(crossed().scene(1.2 * S));
  });

  test('a span of its own trace, with an event for each participant and links to their spans', () => {
    const [span] = deadlockSpans();
    expect(span).toMatchObject({ startNs: 1 * S, endNs: 1.2 * S, isIncident: true, links: [traceOf(2), traceOf(1)] });
    expect(span).not.toHaveProperty('parent');
    expect(span?.attributes).toEqual({
      'gridwatch.contended': true,
      'gridwatch.deadlock.cycle': 't2 waits for "a" held by t1; t1 waits for "b" held by t2',
      'gridwatch.deadlock.size': 2,
    });
    expect(span?.events?.map(({ name }) => name)).toEqual(['deadlock.participant', 'deadlock.participant']);
    const event = span?.events?.find(({ attributes }) => attributes?.['thread.name'] === 't1');
    expect(event?.attributes).toEqual({
      'thread.id': 1,
      'thread.name': 't1',
      'gridwatch.thread.os_id': 100,
      'gridwatch.lock.name': 'b',
      'gridwatch.lock.kind': 'mutex',
      'gridwatch.lock.mode': 'exclusive',
      'gridwatch.lock.held.name': 'a',
      'gridwatch.wait.duration': 0.2,
      'code.function.name': 'pay',
      'code.file.path': 'shop.js',
      'code.line.number': 12,
      'code.stacktrace': '    at pay (shop.js:12:7)\n    at serve (shop.js:40:3)',
      'gridwatch.trace_id': '1'.repeat(32),
      'gridwatch.span_id': '1'.repeat(16),
    });
  });

  test('each wait so far in its own trace', () => {
    const waits = voices.spans.filter(({ name }) => name.startsWith('lock.wait '));
    expect(waits.map(({ name, parent }) => [name, parent])).toEqual(
      expect.arrayContaining([
        ['lock.wait b', traceOf(1)],
        ['lock.wait a', traceOf(2)],
      ]),
    );
    expect(waits[0]?.attributes).toMatchObject({
      'gridwatch.wait.outcome': 'deadlock',
      'gridwatch.wait.ongoing': true,
    });
  });

  test('lines that name the cycle', () => {
    const lines = voices.diag.lines.toSorted();
    expect(lines).toEqual([
      'error   t1 holds "a" and waits for "b" (mutex) at shop.js:12:7 in pay, held by t2',
      'error   t2 holds "b" and waits for "a" (mutex), held by t1',
      'error deadlock: t2 and t1 wait for one another and cannot go on',
    ]);
  });
});

describe('activities', () => {
  const activities = (isCertain: boolean): Program => {
    const program = new Program().activity('t1/1', { isCertain }).activity('t1/2', { isCertain });
    program.lock('a', { kind: 'promise' }).lock('b', { kind: 'promise' });
    program.hold('a', 't1/1').hold('b', 't1/2', { site: 'shop.js:9' });
    return program.wait('t1/1', 'b', { sinceNs: 1 * S }).wait('t1/2', 'a', { sinceNs: 1 * S });
  };

  test('are told half a second after the circle has closed: one that awaits nothing would have gone on', () => {
    for (const atNs of [1.1, 1.2, 1.3, 1.4].map((s) => s * S)) deadlocks.look(activities(true).scene(atNs));
    expect(voices.spans).toEqual([]);
    deadlocks.look(activities(true).scene(1.5 * S));
    expect(deadlockSpans()).toHaveLength(1);
    expect(voices.diag.lines.toSorted()).toEqual([
      'error   t1#1 holds "a" and waits for "b" (promise), held by t1#2 (shop.js:9)',
      'error   t1#2 holds "b" and waits for "a" (promise), held by t1#1',
      'error deadlock: t1#1 and t1#2 wait for one another and cannot go on',
    ]);
  });

  test('that are not certain are a finding, once, after five seconds', () => {
    for (let atNs = 1.1 * S; atNs < 5.9 * S; atNs += 0.1 * S) deadlocks.look(activities(false).scene(atNs));
    expect(findings.all).toEqual([]);
    for (let atNs = 5.9 * S; atNs < 9 * S; atNs += 0.1 * S) deadlocks.look(activities(false).scene(atNs));
    expect(findings.all.map(({ finding }) => finding)).toEqual(['suspected_deadlock']);
    expect(voices.spans).toEqual([]);
    expect(collected(deadlocks)).toEqual({ 'gridwatch.deadlocks': 0 });
  });
});

describe('GRIDWATCH_DEADLOCK_ACTION=abort', () => {
  let aborted: string[];
  let canAbort: (wait: SceneWait) => boolean;

  beforeEach(() => {
    aborted = [];
    canAbort = () => true;
    const abort = (wait: SceneWait): boolean => {
      aborted.push(wait.party.key);
      return canAbort(wait);
    };
    deadlocks = new Deadlocks({ voices, findings, flush: () => flushes++, abort });
  });

  test('the wait that began last is aborted, and said to be', () => {
    for (const atNs of [1.1, 1.2, 1.3, 1.4].map((s) => s * S)) deadlocks.look(crossed().scene(atNs));
    expect(aborted).toEqual(['t1']);
    expect(voices.diag.lines.at(-1)).toBe('error   t1 gets ERR_GRIDWATCH_DEADLOCK in place of "b"');
    const isAborted = deadlockSpans()[0]?.events?.map(({ attributes }) => attributes?.['gridwatch.deadlock.aborted']);
    expect(isAborted?.filter(Boolean)).toEqual([true]);
  });

  test('the next one, when that cannot be', () => {
    canAbort = ({ party }) => party.key === 't2';
    for (const atNs of [1.1, 1.2].map((s) => s * S)) deadlocks.look(crossed().scene(atNs));
    expect(aborted).toEqual(['t1', 't2']);
  });

  test('or when it is still there a second later; each once', () => {
    for (let atNs = 1.1 * S; atNs < 9 * S; atNs += 0.1 * S) deadlocks.look(crossed().scene(atNs));
    expect(aborted).toEqual(['t1', 't2']);
  });

  test('never a wait for a lock that knows nothing of it', () => {
    const program = crossed().lock('b', { kind: 'promise', lockId: -4 });
    const scene = (atNs: number) => {
      const all = new Program().lock('b', { kind: 'promise', lockId: -4 }).hold('a', 't1').hold('b', 't2');
      return all
        .wait('t1', 'b', { sinceNs: 1 * S })
        .wait('t2', 'a')
        .scene(atNs);
    };
    expect(program.waits).toHaveLength(2);
    for (const atNs of [2 * S, 2.1 * S]) deadlocks.look(scene(atNs));
    expect(aborted).toEqual(['t2']);
  });
});
