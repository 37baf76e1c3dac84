/** The rules of TELEMETRY.md, "Spans". */
import { describe, expect, test } from 'vitest';
import { type OutgoingSpan, SpanEmitter, type SpanRecord } from '../../../../agent/agent-thread/telemetry/spans.ts';
import { FakeClock } from './fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const written: OutgoingSpan[] = [];
  const emitter = new SpanEmitter({ nowNs: () => clock.nowNs(), write: (one) => written.push(one) });
  return { clock, written, emitter };
}

const parent = (id: number, traceFlags = 1) => ({
  traceId: 'a'.repeat(32),
  spanId: String(id).padStart(16, '0'),
  traceFlags,
});

function span(durationMs: number, more: Partial<SpanRecord> = {}): SpanRecord {
  return { name: 'gc minor', startNs: 1e9, endNs: 1e9 + durationMs * 1e6, attributes: {}, ...more };
}

const durationsMs = (spans: readonly OutgoingSpan[]): number[] =>
  spans.map(({ startNs, endNs }) => (endNs - startNs) / 1e6);

describe('with a sampled parent', () => {
  test('a span is its child, at once', () => {
    const { emitter, written } = setUp();
    emitter.emit(span(20, { parent: parent(1), attributes: { 'thread.name': 'main', 'v8js.gc.type': undefined } }));
    expect(written).toHaveLength(1);
    expect(written[0]).toMatchObject({ parent: parent(1), attributes: { 'thread.name': 'main' } });
    expect(written[0]?.attributes).not.toHaveProperty(['v8js.gc.type']);
  });

  test('the fiftieth carries what would be too many, and is the longest of them', () => {
    const { emitter, written, clock } = setUp();
    for (let i = 0; i < 60; i++) emitter.emit(span(i === 55 ? 100 : 20, { parent: parent(1) }));
    expect(written).toHaveLength(49);
    clock.passS(11);
    emitter.tick();
    expect(written).toHaveLength(50);
    expect(durationsMs(written).at(-1)).toBe(100);
    expect(written.at(-1)?.attributes).toEqual({ 'gridwatch.suppressed': 10, 'gridwatch.suppressed.time': 0.2 });
  });

  test('fifty spans are fifty spans', () => {
    const { emitter, written } = setUp();
    for (let i = 0; i < 50; i++) emitter.emit(span(20, { parent: parent(1) }));
    emitter.flush();
    expect(written).toHaveLength(50);
    expect(written.at(-1)?.attributes).toEqual({});
  });

  test('a parent that lives for an hour gets a handful more', () => {
    const { emitter, written, clock } = setUp();
    for (let second = 0; second < 3600; second++) {
      emitter.emit(span(20, { parent: parent(1) }));
      clock.passS(1);
      emitter.tick();
    }
    emitter.flush();
    expect(written.length).toBeLessThanOrEqual(60);
    const suppressed = written.map(({ attributes }) => Number(attributes['gridwatch.suppressed'] ?? 0));
    expect(written.length + suppressed.reduce((sum, count) => sum + count, 0)).toBe(3600);
  });

  test('parents do not share their fifty, and those forgotten lose nothing', () => {
    const { emitter, written } = setUp();
    for (let i = 0; i < 51; i++) emitter.emit(span(20, { parent: parent(0) }));
    for (let id = 1; id <= 5000; id++) emitter.emit(span(20, { parent: parent(id) }));
    const ofTheFirst = written.filter((one) => one.parent?.spanId === parent(0).spanId);
    expect(ofTheFirst).toHaveLength(50);
    expect(ofTheFirst.at(-1)?.attributes['gridwatch.suppressed']).toBe(1);
  });
});

describe('without one', () => {
  test('only the slowest of a name becomes a root, when ten seconds have passed', () => {
    const { emitter, written, clock } = setUp();
    for (const duration of [20, 90, 40]) emitter.emit(span(duration));
    clock.passS(9.9);
    emitter.tick();
    expect(written).toHaveLength(0);
    clock.passS(0.1);
    emitter.tick();
    expect(durationsMs(written)).toEqual([90]);
    expect(written[0]?.parent).toBeUndefined();
    expect(written[0]?.attributes).toMatchObject({ 'gridwatch.suppressed': 2 });
  });

  test('names do not compete with one another', () => {
    const { emitter, written } = setUp();
    emitter.emit(span(20));
    emitter.emit(span(90, { name: 'gc major' }));
    emitter.flush();
    expect(written).toHaveLength(2);
  });

  test('an unsampled parent is named in the attributes', () => {
    const { emitter, written } = setUp();
    emitter.emit(span(20, { parent: parent(7, 0) }));
    emitter.flush();
    expect(written[0]?.parent).toBeUndefined();
    expect(written[0]?.attributes).toEqual({
      'gridwatch.parent.trace_id': parent(7).traceId,
      'gridwatch.parent.span_id': parent(7).spanId,
    });
  });

  test('what is too short for a root is none', () => {
    const { emitter, written } = setUp();
    emitter.emit(span(99, { minRootNs: 100e6 }));
    emitter.flush();
    expect(written).toHaveLength(0);
    emitter.emit(span(99, { minRootNs: 100e6, parent: parent(1) }));
    emitter.emit(span(100, { minRootNs: 100e6 }));
    emitter.flush();
    expect(durationsMs(written)).toEqual([99, 100]);
  });

  test('names are bounded: one too many lets the oldest through', () => {
    const { emitter, written } = setUp();
    for (let i = 0; i < 1500; i++) emitter.emit(span(20, { name: `worker.start ${i}` }));
    expect(written).toHaveLength(500);
    emitter.flush();
    expect(written).toHaveLength(1500);
  });
});

describe('incidents', () => {
  test('are written at once, whatever else there is', () => {
    const { emitter, written } = setUp();
    for (let i = 0; i < 100; i++) emitter.emit(span(1, { isIncident: true, parent: parent(1) }));
    emitter.emit(span(1, { isIncident: true, minRootNs: 1e9 }));
    expect(written).toHaveLength(101);
    expect(written[0]).toMatchObject({ isIncident: true, parent: parent(1) });
    expect(written[100]?.parent).toBeUndefined();
  });
});

test('a flush lets everything out, once', () => {
  const { emitter, written } = setUp();
  emitter.emit(span(20));
  emitter.flush();
  emitter.flush();
  expect(written).toHaveLength(1);
});

describe('a span whose id was promised', () => {
  const promised = (id: string, more: Partial<SpanRecord> = {}): SpanRecord =>
    span(1, { name: 'task jobs', parent: parent(1), spanId: id, ...more });

  test('is written at once with that id, however many its parent has, and none of the others is left out for it', () => {
    const { emitter, written } = setUp();
    for (let i = 0; i < 60; i++) emitter.emit(span(20, { parent: parent(1) }));
    for (let i = 0; i < 100; i++) emitter.emit(promised(String(i)));
    expect(written.slice(49).map(({ spanId }) => spanId)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
    emitter.flush();
    expect(written.at(-1)?.attributes).toEqual({ 'gridwatch.suppressed': 10, 'gridwatch.suppressed.time': 0.2 });
  });

  test('and one in which such a span is, are the same', () => {
    const { emitter, written } = setUp();
    for (let i = 0; i < 60; i++) emitter.emit(span(20, { parent: parent(1) }));
    const child = { name: 'process port', startNs: 1, endNs: 2, attributes: {}, spanId: 'c' } as const;
    emitter.emit(span(1, { name: 'send port', parent: parent(1), children: [child] }));
    expect(written.at(-1)).toMatchObject({ name: 'send port', parent: parent(1), children: [child] });
  });

  test('without a sampled parent nobody waits for: it is like any other, under an id of its own', () => {
    const { emitter, written } = setUp();
    for (const record of [promised('a', { parent: parent(1, 0) }), promised('b', { parent: parent(1, 0) })]) {
      emitter.emit({
        ...record,
        children: [{ name: 'queue.wait jobs', startNs: 1, endNs: 2, attributes: {}, spanId: 'c' }],
      });
    }
    expect(written).toEqual([]);
    emitter.flush();
    expect(written).toHaveLength(1);
    expect(written[0]).not.toHaveProperty('spanId');
    expect(written[0]?.children).toEqual([{ name: 'queue.wait jobs', startNs: 1, endNs: 2, attributes: {} }]);
    expect(written[0]?.attributes).toMatchObject({ 'gridwatch.parent.span_id': parent(1).spanId });
  });
});

test('what is part of a span goes out with it, without attributes that have no value', () => {
  const { emitter, written } = setUp();
  emitter.emit(
    span(20, {
      parent: parent(1),
      children: [
        {
          name: 'queue.wait jobs',
          startNs: 1,
          endNs: 2,
          attributes: { 'thread.id': undefined, 'thread.name': 'main' },
        },
      ],
    }),
  );
  expect(written[0]?.children).toEqual([
    { name: 'queue.wait jobs', startNs: 1, endNs: 2, attributes: { 'thread.name': 'main' } },
  ]);
});
