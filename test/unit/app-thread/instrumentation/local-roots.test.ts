/** Which spans are local roots, in each line of the SDK, and that the application's provider is the same to the application as before. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalRoots } from '../../../../agent/app-thread/instrumentation/local-roots.ts';
import {
  behindProxy,
  endedSpan,
  FakeProcessor,
  type FakeSpanContext,
  ids,
  NoopSpanProcessor,
  register,
  unregister,
} from '../fake-api.ts';

const SERVER = 1;
const CONSUMER = 4;

interface Root {
  readonly context: FakeSpanContext;
  readonly startMs: number;
  readonly endMs: number;
}

let seen: Root[];
let roots: LocalRoots;
let processor: FakeProcessor;

beforeEach(() => {
  seen = [];
  processor = new FakeProcessor();
  roots = new LocalRoots((context, startMs, endMs) =>
    seen.push({ context: context as FakeSpanContext, startMs, endMs }),
  );
});

afterEach(() => {
  roots.stop();
  unregister();
});

/** The providers of the three lines, with the processor where each has it. */
function providerOf(line: 1 | 2 | 3): object {
  return line === 1 ? { activeSpanProcessor: processor } : { _activeSpanProcessor: processor };
}

function follow(line: 1 | 2 | 3): void {
  register({ trace: behindProxy(providerOf(line)) });
  roots.look();
}

describe.each([1, 2, 3] as const)('of SDK %d.x', (line) => {
  it('a span without a parent is seen at its end, with its times', () => {
    follow(line);
    const context = ids();
    processor.onEnd(endedSpan(line, { context, startMs: 1_700_000_000_001.5, endMs: 1_700_000_000_250 }));
    expect(seen).toEqual([{ context, startMs: 1_700_000_000_001.5, endMs: 1_700_000_000_250 }]);
  });

  it('a child is not', () => {
    follow(line);
    processor.onEnd(endedSpan(line, { parent: ids() }));
    expect(seen).toEqual([]);
  });

  it.each([SERVER, CONSUMER])('a span of kind %d whose parent is in another process is', (kind) => {
    follow(line);
    processor.onEnd(endedSpan(line, { parent: ids(1, true), kind }));
    expect(seen).toHaveLength(1);
  });

  it('its own processor gets every span, and gives back what it gave before', () => {
    follow(line);
    const spans = [endedSpan(line), endedSpan(line, { parent: ids() }), 'no span', undefined];
    for (const span of spans) expect(processor.onEnd(span)).toBeUndefined();
    expect(processor.ended).toEqual(spans);
  });

  it('an error of its own processor is thrown on, and the span is not seen', () => {
    processor.onEnd = () => {
      throw new Error('of the application');
    };
    follow(line);
    expect(() => processor.onEnd(endedSpan(line))).toThrow('of the application');
    expect(seen).toEqual([]);
  });
});

describe('the application', () => {
  it('sees no new property in an enumeration, and name and length as they were', () => {
    const before = Object.keys(processor);
    const { name, length } = processor.onEnd;
    follow(2);
    expect(Object.keys(processor)).toEqual(before);
    expect(JSON.stringify(processor)).toBe(JSON.stringify(new FakeProcessor()));
    expect([processor.onEnd.name, processor.onEnd.length]).toEqual([name, length]);
  });

  it('has its class back when the agent stops', () => {
    follow(2);
    expect(Object.hasOwn(processor, 'onEnd')).toBe(true);
    roots.stop();
    expect(Object.hasOwn(processor, 'onEnd')).toBe(false);
    processor.onEnd(endedSpan(2));
    expect(seen).toEqual([]);
  });

  it('keeps a method that it has put there itself', () => {
    const own = (): void => {};
    processor.onEnd = own;
    follow(2);
    processor.onEnd(endedSpan(2));
    expect(seen).toHaveLength(1);
    roots.stop();
    expect(processor.onEnd).toBe(own);
  });

  it('keeps what it has put over ours', () => {
    follow(2);
    const later = (): void => {};
    processor.onEnd = later;
    roots.stop();
    expect(processor.onEnd).toBe(later);
  });
});

describe('looking', () => {
  it('finds nothing as long as nothing is registered', () => {
    roots.look();
    register({});
    roots.look();
    register({ trace: behindProxy({ getTracer: () => ({}) }) });
    roots.look();
    expect(seen).toEqual([]);
  });

  it('follows each processor once, however often it looks', () => {
    follow(3);
    roots.look();
    roots.look();
    processor.onEnd(endedSpan(3));
    expect(seen).toHaveLength(1);
  });

  it('follows a processor that has taken the place of another', () => {
    follow(1);
    const [before, after] = [processor, new FakeProcessor()];
    processor = after;
    follow(1);
    after.onEnd(endedSpan(1));
    before.onEnd(endedSpan(1));
    expect(seen).toHaveLength(2);
  });

  it('leaves spans alone that go nowhere: a child of theirs would be an orphan', () => {
    processor._spanProcessors.length = 0;
    follow(2);
    expect(Object.hasOwn(processor, 'onEnd')).toBe(false);
    const noop = new NoopSpanProcessor();
    register({ trace: behindProxy({ activeSpanProcessor: noop }) });
    roots.look();
    expect(Object.hasOwn(noop, 'onEnd')).toBe(false);
  });

  it.each([
    ['a frozen processor', () => behindProxy({ _activeSpanProcessor: Object.freeze(new FakeProcessor()) })],
    ['a processor without the method', () => behindProxy({ _activeSpanProcessor: { _spanProcessors: [1] } })],
    ['a processor that is no object', () => behindProxy({ _activeSpanProcessor: 7 })],
    ['a provider without a prototype', () => behindProxy(Object.create(null))],
    ['a provider that is no object', () => behindProxy('provider')],
    ['no provider at all', () => behindProxy(undefined)],
    ['a provider without the stand-in', () => ({ _activeSpanProcessor: 'other' })],
    [
      'accessors that throw',
      () => ({
        getDelegate: () => {
          throw new Error('not yours');
        },
      }),
    ],
  ])('does not mind %s', (_, make) => {
    register({ trace: make() });
    expect(() => {
      roots.look();
      roots.look();
    }).not.toThrow();
    expect(seen).toEqual([]);
  });

  it.each([undefined, null, 7, {}, { spanContext: 1 }, { startTime: [1, 2] }])(
    'does not mind %o for a span',
    (span) => {
      follow(3);
      expect(() => processor.onEnd(span)).not.toThrow();
      expect(seen).toEqual([]);
    },
  );
});
