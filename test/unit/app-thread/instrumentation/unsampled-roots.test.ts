/** Roots that the application's sampler has left out are seen, from start to end; nothing else is, and its classes are given back. */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UnsampledRoots } from '../../../../agent/app-thread/instrumentation/unsampled-roots.ts';
import {
  contextWith,
  type FakeSpanContext,
  FakeTracer,
  ids,
  managerWith,
  NonRecordingSpan,
  register,
  unregister,
} from '../fake-api.ts';

let seen: { context: FakeSpanContext; startMs: number; endMs: number }[];
let roots: UnsampledRoots;
let tracer: FakeTracer;

beforeEach(() => {
  seen = [];
  tracer = new FakeTracer();
  roots = new UnsampledRoots((context, startMs, endMs) =>
    seen.push({ context: context as FakeSpanContext, startMs, endMs }),
  );
  register({ context: managerWith(undefined) });
  roots.follow({ _tracers: new Map([['app', tracer]]) });
});

afterEach(() => {
  roots.stop();
  unregister();
});

/** Starts and ends a span that is not recorded. */
function pass(context: FakeSpanContext, ...args: unknown[]): NonRecordingSpan {
  const span = new NonRecordingSpan(context);
  tracer.next = span;
  expect(Reflect.apply(tracer.startSpan, tracer, ['name', ...args])).toBe(span);
  expect(span.end()).toBeUndefined();
  expect(span.ends).toBe(1);
  return span;
}

describe('seen is', () => {
  it('a span without a parent, once, with its times', () => {
    const before = Date.now();
    const context = ids(0);
    const span = pass(context);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.context).toBe(context);
    expect(seen[0]?.startMs).toBeGreaterThanOrEqual(before);
    expect(seen[0]?.endMs).toBeGreaterThanOrEqual(seen[0]?.startMs ?? Infinity);
    span.end();
    expect(seen).toHaveLength(1);
  });

  it('one whose parent is in another process, given or active', () => {
    pass(ids(0), {}, contextWith(ids(0, true)));
    register({ context: managerWith(ids(0, true)) });
    pass(ids(0));
    expect(seen).toHaveLength(2);
  });

  it('one that is asked to be a root, and one whose parent is no trace', () => {
    pass(ids(0), { root: true }, contextWith(ids(1)));
    pass(ids(0), {}, contextWith({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }));
    expect(seen).toHaveLength(2);
  });
});

describe('not seen is', () => {
  it('a child, of a recorded span or not', () => {
    pass(ids(0), {}, contextWith(ids(1)));
    register({ context: managerWith(ids(0)) });
    pass(ids(0));
    expect(seen).toEqual([]);
  });

  it('a recorded span: its processor sees it', () => {
    tracer.next = Object.assign(new NonRecordingSpan(ids(0)), { startTime: [1, 2] });
    expect(tracer.startSpan('name')).toBe(tracer.next);
    (tracer.next as NonRecordingSpan).end();
    expect(seen).toEqual([]);
  });

  it('one that began before it was looked for', () => {
    const early = new NonRecordingSpan(ids(0));
    pass(ids(0));
    early.end();
    expect(seen).toHaveLength(1);
  });
});

describe('the application', () => {
  it('has its classes looking as they were, and back when the agent stops', () => {
    const { startSpan } = FakeTracer.prototype;
    pass(ids(0));
    const { end } = NonRecordingSpan.prototype;
    expect([startSpan.name, startSpan.length, end.name, end.length]).toEqual(['startSpan', 1, 'end', 1]);
    roots.stop();
    expect(FakeTracer.prototype.startSpan).not.toBe(startSpan);
    expect(NonRecordingSpan.prototype.end).not.toBe(end);
    expect(Object.keys(Object.getOwnPropertyDescriptors(FakeTracer.prototype))).toEqual(['constructor', 'startSpan']);
  });

  it('finds nothing in the span that was not there', () => {
    const span = new NonRecordingSpan(ids(0));
    const before = Reflect.ownKeys(span);
    tracer.next = Object.freeze(span);
    tracer.startSpan('name');
    expect(Reflect.ownKeys(span)).toEqual(before);
    expect(inspect(span)).toBe(inspect(new NonRecordingSpan(span.spanContext())));
  });

  it('may give the same span out twice', () => {
    const span = new NonRecordingSpan(ids(0));
    tracer.next = span;
    tracer.startSpan('name');
    tracer.startSpan('name');
    span.end();
    expect(seen).toHaveLength(1);
  });

  it('gets the error of its own sampler', () => {
    tracer.next = undefined;
    class Failing extends FakeTracer {
      override startSpan(): unknown {
        throw new Error('of the sampler');
      }
    }
    const failing = new Failing();
    roots.follow({ _tracers: new Map([['other', failing]]) });
    expect(() => failing.startSpan()).toThrow('of the sampler');
  });

  it.each([undefined, null, 7, {}, { spanContext: () => undefined }, { spanContext: () => ({}) }, { spanContext: 1 }])(
    'may give out %o for a span',
    (span) => {
      tracer.next = span;
      expect(tracer.startSpan('name')).toBe(span);
      expect(seen).toEqual([]);
    },
  );

  it.each([{}, { _tracers: [] }, { _tracers: new Map() }, { _tracers: new Map([['a', {}]]) }])(
    'may have %o for a provider',
    (provider) => {
      expect(() => roots.follow(provider)).not.toThrow();
    },
  );
});
