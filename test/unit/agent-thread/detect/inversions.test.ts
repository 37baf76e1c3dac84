/** What is said of an inversion: both orders, from the oldest on. */
import { expect, test } from 'vitest';
import { Inversions } from '../../../../agent/agent-thread/detect/inversions.ts';
import type { LockOrder } from '../../../../agent/agent-thread/detect/lock-order.ts';
import { collected, FakeNaming, RecordedVoices, traceOf } from './recorded-voices.ts';
import { threadNamed } from './scenes.ts';

function order(thread: string, outer: number, inner: number, atNs: number): LockOrder {
  const naming = new FakeNaming();
  return {
    outer: naming.lockOf({ lockId: outer }),
    inner: naming.lockOf({ lockId: inner }),
    outerMode: 'exclusive',
    innerMode: 'exclusive',
    thread: threadNamed(thread),
    stack: `take (shop.js:${atNs}:1)`,
    context: traceOf(outer),
    atNs,
  };
}

test('two locks of one class are told apart in words', () => {
  const voices = new RecordedVoices();
  const [there, back] = [order('t1', 1, 1, 60), order('t1', 1, 1, 70)];
  new Inversions(voices).report([there, back]);
  expect(voices.logs[0]?.body).toBe('lock order inversion: "c1" is taken while another "c1" is held, in both orders');
  expect(voices.diag.lines[1]).toBe('warn   t1 held "c1" and took another "c1" at shop.js:60:1 in take');
});

test('an inversion is a span, a log record, a count and a line for each order', () => {
  const voices = new RecordedVoices();
  const inversions = new Inversions(voices);
  inversions.report([order('t2', 2, 1, 70), order('t1', 1, 2, 60)]);
  const [span] = voices.spans;
  expect(span).toMatchObject({ name: 'lock.order.inversion', startNs: 70, endNs: 70, isIncident: true });
  expect(span?.attributes).toMatchObject({ 'gridwatch.lock.name': 'c1', 'gridwatch.lock.held.name': 'c2' });
  expect(span?.links).toEqual([traceOf(1), traceOf(2)]);
  expect(span?.events?.map(({ timeNs, attributes }) => [timeNs, attributes])).toEqual([
    [60, expect.objectContaining({ 'thread.name': 't1', 'gridwatch.lock.held.name': 'c1', 'code.line.number': 60 })],
    [
      70,
      expect.objectContaining({
        'gridwatch.trace_id': '2'.repeat(32),
        'code.stacktrace': '    at take (shop.js:70:1)',
      }),
    ],
  ]);
  expect(voices.logs).toHaveLength(1);
  expect(voices.logs[0]).toMatchObject({
    eventName: 'gridwatch.lock.order.inversion',
    body: 'lock order inversion: "c2" is taken while "c1" is held; "c1" is taken while "c2" is held',
    hasOwnSpan: true,
  });
  expect(voices.diag.lines).toEqual([
    'warn lock order inversion: a deadlock is possible, though none has been',
    'warn   t1 held "c1" and took "c2" at shop.js:60:1 in take',
    'warn   t2 held "c2" and took "c1" at shop.js:70:1 in take',
  ]);
  expect(collected(inversions)).toEqual({ 'gridwatch.lock.order.inversions': 1 });
});
