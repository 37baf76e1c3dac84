/** Which requests a pause held up: every pair that overlapped is found once, whichever of the two was heard of first. */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Recorder } from '../../../../agent/app-thread/recorder.ts';
import { type GcPause, GcSpans } from '../../../../agent/app-thread/sources/gc-spans.ts';
import type { TraceIds } from '../../../../agent/shared-memory/registry.ts';
import { ids } from '../fake-api.ts';

interface GcRecord {
  readonly startNs: number;
  readonly durationNs: number;
  readonly parent: TraceIds | undefined;
}

let records: GcRecord[];
let spans: GcSpans;

const keep: Recorder['recordGc'] = (_type, startNs, durationNs, parent) => {
  records.push({ startNs, durationNs, parent });
};

beforeEach(() => {
  records = [];
  spans = new GcSpans({ recordGc: keep } as Recorder);
});

/** Times in milliseconds; the agent's clock is a minute behind the epoch's here, as it is far behind it in a process. */
function pause(startMs: number, durationMs: number): GcPause {
  return { type: 1, startNs: (startMs - 60_000) * 1e6, durationNs: durationMs * 1e6, startMs };
}

const T = 100_000;

describe('a pause', () => {
  it('is part of a request that ends later', () => {
    const root = ids();
    spans.add(pause(T, 20));
    expect(records).toEqual([{ startNs: 40_000e6, durationNs: 20e6, parent: undefined }]);
    spans.rootEnded(root, T - 5, T + 30);
    expect(records.slice(1)).toEqual([{ startNs: 40_000e6, durationNs: 20e6, parent: root }]);
  });

  it('is part of a request that had ended when it became known, and then no record of its own', () => {
    const root = ids();
    spans.rootEnded(root, T - 5, T + 30);
    spans.add(pause(T, 20));
    expect(records.map(({ parent }) => parent)).toEqual([root]);
  });

  it('is part of every sampled request it held up', () => {
    const [before, after, another] = [ids(), ids(), ids()];
    spans.rootEnded(before, T - 100, T + 10);
    spans.add(pause(T, 20));
    spans.rootEnded(after, T + 10, T + 50);
    spans.rootEnded(another, T - 1000, T + 60);
    expect(records.map(({ parent }) => parent)).toEqual([before, after, another]);
  });

  it('is told of once for all requests that are not sampled', () => {
    const [first, second, sampled] = [ids(0), ids(0), ids(1)];
    spans.rootEnded(first, T, T + 20);
    spans.add(pause(T, 20));
    spans.rootEnded(second, T, T + 30);
    spans.rootEnded(sampled, T, T + 30);
    expect(records.map(({ parent }) => parent)).toEqual([first, sampled]);
  });

  it.each([
    ['before it', T - 100, T],
    ['after it', T + 20, T + 100],
    ['for less than the clocks can tell', T - 100, T + 0.5],
  ])('is no part of a request that ran %s', (_, startMs, endMs) => {
    spans.rootEnded(ids(), startMs, endMs);
    spans.add(pause(T, 20));
    spans.rootEnded(ids(), startMs, endMs);
    expect(records.map(({ parent }) => parent)).toEqual([undefined]);
  });

  it('of less than two milliseconds is part of a request that had half of it', () => {
    spans.add(pause(T, 0.4));
    spans.rootEnded(ids(), T - 10, T + 0.1);
    expect(records).toHaveLength(1);
    spans.rootEnded(ids(), T - 10, T + 0.25);
    expect(records).toHaveLength(2);
  });

  it('is no part of a request whose ids are not valid', () => {
    for (const context of [{}, { traceId: '0'.repeat(32), spanId: '1'.repeat(16) }, { traceId: 'x', spanId: 7 }]) {
      spans.rootEnded(context as TraceIds, T - 5, T + 30);
    }
    spans.add(pause(T, 20));
    spans.rootEnded({}, T - 5, T + 30);
    expect(records.map(({ parent }) => parent)).toEqual([undefined]);
  });
});

it('a request that lived long has the last 512 pauses', () => {
  for (let i = 0; i < 600; i++) spans.add(pause(T + i * 100, 20));
  records.length = 0;
  spans.rootEnded(ids(), T - 1, T + 60_000);
  expect(records).toHaveLength(512);
  expect(records[0]?.startNs).toBe((T + 599 * 100 - 60_000) * 1e6);
});

it('of many requests in one turn of the event loop the last 256 are held against a pause', () => {
  const roots = Array.from({ length: 300 }, () => ids());
  for (const root of roots) spans.rootEnded(root, T, T + 20);
  spans.add(pause(T, 20));
  expect(new Set(records.map(({ parent }) => parent?.spanId))).toEqual(
    new Set(roots.slice(-256).map(({ spanId }) => spanId)),
  );
});

it('finds every pair that overlapped, once, in whatever order they become known', () => {
  const event = fc.record({
    isPause: fc.boolean(),
    startMs: fc.integer({ min: T, max: T + 500 }),
    durationMs: fc.integer({ min: 10, max: 100 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      records = [];
      spans = new GcSpans({ recordGc: keep } as Recorder);
      const expected = new Set<string>();
      const pauses: { at: number; startMs: number; endMs: number }[] = [];
      const roots: { spanId: string; startMs: number; endMs: number }[] = [];
      const overlap = (a: { startMs: number; endMs: number }, b: { startMs: number; endMs: number }): boolean =>
        Math.min(a.endMs, b.endMs) - Math.max(a.startMs, b.startMs) >= 1;
      /* Pauses of one thread become known in the order of their ends, and are not the same one. */
      const inOrder = events.toSorted((a, b) => a.startMs + a.durationMs - b.startMs - b.durationMs);
      let at = 0;
      for (const { isPause, startMs, durationMs } of inOrder) {
        const endMs = startMs + durationMs;
        if (isPause) {
          at++;
          for (const root of roots) if (overlap(root, { startMs, endMs })) expected.add(`${at} ${root.spanId}`);
          pauses.push({ at, startMs, endMs });
          spans.add({ type: 0, startNs: at, durationNs: durationMs * 1e6, startMs });
        } else {
          const context = ids();
          for (const one of pauses) if (overlap(one, { startMs, endMs })) expected.add(`${one.at} ${context.spanId}`);
          roots.push({ spanId: context.spanId, startMs, endMs });
          spans.rootEnded(context, startMs, endMs);
        }
      }
      const found = records.flatMap(({ startNs, parent }) =>
        parent === undefined ? [] : [`${startNs} ${parent.spanId}`],
      );
      expect(found.toSorted()).toEqual([...expected].toSorted());
    }),
  );
});
