/** What is emitted before the SDK is there: it waits within bounds, and is never lost uncounted. */
import { expect, test } from 'vitest';
import { Backlog } from '../../../../agent/agent-thread/telemetry/backlog.ts';
import type { OutgoingLog } from '../../../../agent/agent-thread/telemetry/logs.ts';
import type { OutgoingSpan } from '../../../../agent/agent-thread/telemetry/spans.ts';

const span: OutgoingSpan = { name: 'gc minor', startNs: 0, endNs: 1, attributes: {} };
const log: OutgoingLog = {
  eventName: 'gridwatch.thread.failed',
  severity: 'error',
  body: '',
  attributes: {},
  timeNs: 0,
};

function setUp() {
  const drops: Record<string, number> = {};
  const written: string[] = [];
  const backlog = new Backlog((kind, records) => {
    drops[kind] = (drops[kind] ?? 0) + records;
  });
  const output = { writeSpan: () => written.push('span'), writeLog: () => written.push('log') };
  return { backlog, drops, written, output };
}

test('it keeps the order of each kind, and then stands aside', () => {
  const { backlog, written, output } = setUp();
  backlog.span(span);
  backlog.log(log);
  expect(written).toEqual([]);
  backlog.pass(output);
  expect(written).toEqual(['span', 'log']);
  backlog.span(span);
  expect(written).toEqual(['span', 'log', 'span']);
});

test('it is bounded, and counts what finds no room', () => {
  const { backlog, drops, written, output } = setUp();
  for (let i = 0; i < 3000; i++) backlog.span(span);
  backlog.pass(output);
  expect(written.length + (drops['span'] ?? 0)).toBe(3000);
  expect(drops['span']).toBeGreaterThan(0);
});

test('what waits is let go when nobody wants it any more, and is no loss', () => {
  const { backlog, drops, written, output } = setUp();
  backlog.span(span);
  backlog.log(log);
  backlog.empty();
  backlog.log(log);
  backlog.pass(output);
  expect([written, drops]).toEqual([['log'], {}]);
});

test('without an SDK everything counts as lost', () => {
  const { backlog, drops } = setUp();
  backlog.span(span);
  backlog.fail();
  backlog.log(log);
  expect(drops).toEqual({ span: 1, log: 1 });
});

test('where nobody wants them nothing is lost', () => {
  const { backlog, drops } = setUp();
  backlog.span(span);
  backlog.discard();
  backlog.log(log);
  expect(drops).toEqual({});
});
