/** The rules of TELEMETRY.md, "Logs". */
import { describe, expect, test } from 'vitest';
import { LogEmitter, type LogRecord, type OutgoingLog } from '../../../../agent/agent-thread/telemetry/logs.ts';
import type { SpanRecord } from '../../../../agent/agent-thread/telemetry/spans.ts';
import { FakeClock } from './fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const written: OutgoingLog[] = [];
  const spans: SpanRecord[] = [];
  const emitter = new LogEmitter({
    nowNs: () => clock.nowNs(),
    write: (log) => written.push(log),
    emitSpan: (span) => spans.push(span),
  });
  return { clock, written, spans, emitter };
}

function failure(more: Partial<LogRecord> = {}): LogRecord {
  return {
    eventName: 'gridwatch.thread.failed',
    body: 'worker resize failed',
    attributes: { 'thread.name': 'resize' },
    timeNs: 5e9,
    ...more,
  };
}

describe('once a minute', () => {
  test('for each event and name; the next one says how many were left out', () => {
    const { emitter, written, clock } = setUp();
    for (let i = 0; i < 3; i++) emitter.emit(failure());
    emitter.emit(failure({ attributes: { 'thread.name': 'encode' } }));
    expect(written).toHaveLength(2);
    clock.passS(60);
    emitter.emit(failure());
    expect(written).toHaveLength(3);
    expect(written[2]?.attributes).toEqual({ 'thread.name': 'resize', 'gridwatch.suppressed': 2 });
  });

  test('a key of the caller stands above the names', () => {
    const { emitter, written } = setUp();
    emitter.emit(failure({ key: 'one' }));
    emitter.emit(failure({ key: 'one', attributes: { 'thread.name': 'encode' } }));
    emitter.emit(failure({ key: 'two' }));
    expect(written).toHaveLength(2);
  });

  test('what is remembered is bounded', () => {
    const { emitter, written } = setUp();
    for (let i = 0; i < 5000; i++) emitter.emit(failure({ key: String(i) }));
    emitter.emit(failure({ key: '0' }));
    expect(written).toHaveLength(5001);
  });
});

describe('the span beside it', () => {
  test('is an incident without length, with the attributes of the record', () => {
    const { emitter, spans } = setUp();
    emitter.emit(failure());
    expect(spans).toEqual([
      {
        name: 'incident gridwatch.thread.failed',
        startNs: 5e9,
        endNs: 5e9,
        attributes: { 'thread.name': 'resize' },
        isIncident: true,
        error: 'worker resize failed',
      },
    ]);
  });

  test('is an error only if the record is', () => {
    const { emitter, spans } = setUp();
    emitter.emit(failure({ eventName: 'gridwatch.agent.degraded' }));
    expect(spans[0]).not.toHaveProperty('error');
  });

  test('is left out for information, and where there is another', () => {
    const { emitter, spans, written } = setUp();
    emitter.emit(failure({ severity: 'info' }));
    emitter.emit(failure({ key: 'other', hasOwnSpan: true }));
    expect(written).toHaveLength(2);
    expect(spans).toHaveLength(0);
  });
});
