/**
 * The explorer itself, on programs whose outcomes are known: the litmus tests of memory models, a lost update, a lost
 * wake-up, a death. If it overlooked interleavings, the models that rest on it would prove nothing.
 */
import { describe, expect, test } from 'vitest';
import { explore, host, type Model, Violation } from './explore.ts';
import { modelControlMemory } from './model-arrays.ts';

const { i32, u8 } = modelControlMemory({} as { readonly i32: Int32Array; readonly u8: Uint8Array });
const [X, Y] = [0, 1];

/** Every pair of results that two programs can come to. */
function outcomes(a: () => number, b: () => number, model: Partial<Model> = {}): string[] {
  const found = new Set<string>();
  const { violation } = explore({
    ...model,
    threads: { a: () => host.note('a', a()), b: () => host.note('b', b()) },
    atEnd: ({ get }) => void found.add(`${get('a')}${get('b')}`),
  });
  expect(violation).toBeUndefined();
  return [...found].toSorted();
}

const write = (index: number): void => void (i32[index] = 1);
const read = (index: number): number => i32[index] as number;
const store = (index: number): void => void Atomics.store(i32, index, 1);
const load = (index: number): number => Atomics.load(i32, index);
const both = (first: number, second: number): number => first * 2 + second;

describe('interleavings', () => {
  test('an increment in two steps loses updates; an atomic one does not', () => {
    const inTwoSteps = (): number => {
      i32[X] = read(X) + 1;
      return 0;
    };
    const ends = new Set<number>();
    const model: Model = {
      threads: { a: inTwoSteps, b: inTwoSteps },
      atEnd: ({ get }) => void ends.add(get(0)),
    };
    explore(model);
    expect(ends).toEqual(new Set([1, 2]));
    ends.clear();
    const atomic = (): void => void Atomics.add(i32, X, 1);
    explore({ ...model, threads: { a: atomic, b: atomic } });
    expect(ends).toEqual(new Set([2]));
  });

  test('as many ends as there are orders', () => {
    const three = (key: string) => (): void => {
      for (let i = 0; i < 3; i++) Atomics.store(i32, X, Atomics.load(i32, X) * 2 + (key === 'a' ? 1 : 0));
    };
    const { violation, states } = explore({ threads: { a: three('a'), b: three('b') } });
    expect(violation).toBeUndefined();
    expect(states).toBeGreaterThan(7 * 7);
  });

  test('what a violation says is the shortest way to it', () => {
    const { violation } = explore({
      threads: { a: () => (store(X), store(Y)), b: () => store(2) },
      always: ({ get }) => (get(4) === 1 ? 'Y is set' : undefined),
    });
    expect(violation).toBe('Y is set\n  a: store[0] 1 -> 0\n  a: store[4] 1 -> 0');
  });

  test("a program's own check, an exception and a wait without end are violations", () => {
    const failing = (error: Error) => (): void => {
      load(X);
      throw error;
    };
    expect(explore({ threads: { a: failing(new Violation('no')) } }).violation).toBe('a: no\n  a: load[0] -> 0');
    expect(explore({ threads: { a: failing(new TypeError('bad')) } }).violation).toContain('a: TypeError: bad');
    const waiting = { a: (): void => void Atomics.wait(i32, X, 0) };
    expect(explore({ threads: waiting }).violation).toContain('a waits for ever');
    expect(explore({ threads: waiting, mayWait: ['a'] }).violation).toBeUndefined();
  });
});

describe('a wake-up of one', () => {
  const parks = (): void => void Atomics.wait(i32, X, 0);
  const wakes = (count?: number) => (): void => {
    host.until('ready');
    Atomics.notify(i32, X, count);
  };
  const model = (notifier: () => void): Model => ({
    threads: { a: parks, b: parks, c: () => host.tell('ready', 1), d: notifier },
    mayWait: ['a', 'b'],
  });

  test('wakes either of two, never both', () => {
    const ends = new Set<string>();
    explore({
      ...model(wakes(1)),
      atEnd: ({ status }) => void ends.add(`${status('a')} ${status('b')}`),
    });
    expect(ends).toEqual(new Set(['running running', 'ended running', 'running ended']));
  });

  test('without a number all are woken', () => {
    const ends = new Set<string>();
    explore({ ...model(wakes()), atEnd: ({ status }) => void ends.add(`${status('a')} ${status('b')}`) });
    expect(ends).toContain('ended ended');
  });
});

test('or, and, and what stands in memory at first', () => {
  const { violation } = explore({
    initial: [[0, 5]],
    threads: { a: () => host.note('before', both(Atomics.or(i32, X, 2), Atomics.and(i32, X, ~1))) },
    atEnd: ({ get }) => (get(0) === 6 ? undefined : String(get(0))),
  });
  expect(violation).toBeUndefined();
});

describe('store buffering: each sets its own word, then reads the other', () => {
  const sb = (set: (index: number) => void, get: (index: number) => number, maxPendingStores: number): string[] =>
    outcomes(
      () => (set(X), get(Y)),
      () => (set(Y), get(X)),
      { maxPendingStores },
    );

  test('stores visible at once: one of them sees the other', () => {
    expect(sb(write, read, 0)).toEqual(['01', '10', '11']);
  });

  test('late plain stores: neither may see the other', () => {
    expect(sb(write, read, 1)).toEqual(['00', '01', '10', '11']);
  });

  test('late atomic stores: one of them sees the other', () => {
    expect(sb(store, load, 1)).toEqual(['01', '10', '11']);
  });
});

describe('message passing: a payload, then a flag', () => {
  const mp = (setPayload: (i: number) => void, setFlag: (i: number) => void): string[] =>
    outcomes(
      () => (setPayload(X), setFlag(Y), 0),
      () => both(load(Y), read(X)),
      { maxPendingStores: 2 },
    );

  test('two plain stores: the flag may be seen without the payload', () => {
    expect(mp(write, write)).toContain('02');
  });

  test('the flag by an atomic store: never', () => {
    expect(mp(write, store)).toEqual(['00', '01', '03']);
  });

  test('a plain store after an atomic one may be seen without it', () => {
    expect(mp(store, write)).toContain('02');
  });
});

describe('waiting', () => {
  const flag = (): void => {
    store(X);
    Atomics.notify(i32, X);
  };

  test('a wait that compares loses no notify', () => {
    expect(explore({ threads: { flag, waiter: () => void Atomics.wait(i32, X, 0) } }).violation).toBeUndefined();
  });

  test('a notify before its store is lost in some orders', () => {
    const hasty = (): void => {
      Atomics.notify(i32, X);
      store(X);
    };
    const waiter = (): void => void Atomics.wait(i32, X, 0);
    expect(explore({ threads: { hasty, waiter } }).violation).toContain('waiter waits for ever');
    const slicing = (): void => {
      if (load(X) !== 0) return;
      Atomics.wait(i32, X, 0, 100);
      host.again();
    };
    expect(explore({ threads: { hasty, slicing } }).violation).toContain('slicing waits for ever');
    expect(explore({ threads: { hasty, slicing }, timeouts: 'any time' }).violation).toBeUndefined();
  });

  test('an asynchronous wait ends in its continuation', () => {
    const waiter = (): void => {
      const { async, value } = Atomics.waitAsync(i32, X, 0);
      if (async) void value.then((outcome) => host.note('outcome', outcome === 'ok' ? 1 : 2));
      else host.note('outcome', 3);
    };
    const found = new Set<number>();
    const { violation } = explore({
      threads: { flag, waiter },
      atEnd: ({ get }) => void found.add(get('outcome')),
    });
    expect(violation).toBeUndefined();
    expect(found).toEqual(new Set([1, 3]));
  });

  test('what one thread tells another arrives, and so does its death', () => {
    const found = new Set<number>();
    const { violation } = explore({
      threads: {
        a: () => host.tell('ticket', 7),
        b: () => {
          host.untilGone('a');
          host.note('seen', host.peek('ticket'));
        },
      },
      mayDie: ['a'],
      atEnd: ({ get }) => void found.add(get('seen')),
    });
    expect(violation).toBeUndefined();
    expect(found).toEqual(new Set([0, 7]));
  });
});

test('bytes are copied and cleared a word at a time', () => {
  const text = Buffer.from('abcdef');
  const seen = new Set<string>();
  const { violation } = explore({
    threads: {
      writer: () => {
        u8.set(text, 8);
        u8.fill(0, 8, 16);
      },
      reader: () => void seen.add(Buffer.from(u8.subarray(8, 14)).toString().replaceAll('\0', '.')),
    },
    atEnd: ({ get }) => (get(8) === 0 && get(12) === 0 ? undefined : 'not cleared'),
  });
  expect(violation).toBeUndefined();
  expect([...seen].toSorted()).toEqual(['......', '....ef', 'abcd..', 'abcdef']);
});
