/** The view of guarded data: it does what the array does, and tells of the cells that are touched. */
/* oxlint-disable unicorn/no-array-for-each, unicorn/no-array-sort, unicorn/no-array-reverse -- these methods are what is tested */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { patchGuardedAtomics } from '../../../../agent/app-thread/instrumentation/guarded-atomics.ts';
import { behind } from '../../../../agent/app-thread/sync/guarded-behind.ts';
import { createView } from '../../../../agent/app-thread/sync/guarded-view.ts';

interface Subject {
  readonly array: Int32Array;
  readonly view: Int32Array;
  /** What was told since it was last asked: `r0`, `w3`, `a2` for a read, a write, an atomic access. */
  readonly told: () => string;
}

function subject(length = 4): Subject {
  const array = new Int32Array(new SharedArrayBuffer(length * 4));
  for (let i = 0; i < length; i++) array[i] = i + 10;
  let seen: string[] = [];
  const view = createView(array, (index, isWrite, isAtomic) => {
    seen.push(`${isAtomic ? 'a' : isWrite ? 'w' : 'r'}${index}`);
  });
  const told = (): string => {
    const text = seen.join(' ');
    seen = [];
    return text;
  };
  return { array, view, told };
}

type Use = (array: Int32Array) => unknown;

/* What each does, which cells it touches; one result for the array and the view. */
const USES: readonly [string, Use, string][] = [
  ['an index', (a) => a[2], 'r2'],
  ['an index beyond the end', (a) => a[4], ''],
  ['a store', (a) => (a[1] = 7), 'w1'],
  ['an increment', (a) => a[1]!++, 'r1 w1'],
  ['length', (a) => a.length, ''],
  ['what every object has', (a) => [Reflect.apply(a.hasOwnProperty, a, ['1']), a.propertyIsEnumerable(9)], ''],
  ['byteOffset', (a) => [a.byteOffset, a.byteLength, a.BYTES_PER_ELEMENT], ''],
  ['for of', (a) => [...a], 'r0 r1 r2 r3'],
  [
    'for of, left early',
    (a) => {
      for (const value of a) return value;
    },
    'r0',
  ],
  ['entries', (a) => [...a.entries()], 'r0 r1 r2 r3'],
  ['keys', (a) => [...a.keys()], ''],
  ['at', (a) => a.at(-1), 'r3'],
  ['at, beyond the end', (a) => a.at(9), ''],
  ['fill', (a) => [...a.fill(5, 1, 3)], 'w1 w2 r0 r1 r2 r3'],
  ['fill all', (a) => void a.fill(5), 'w0 w1 w2 w3'],
  ['slice', (a) => a.slice(-2), 'r2 r3'],
  ['subarray', (a) => a.subarray(1, 3)[1], 'r2'],
  ['subarray of a subarray', (a) => a.subarray(1).subarray(1).fill(0).length, 'w2 w3'],
  ['set', (a) => a.set([1, 2], 1), 'w1 w2'],
  ['copyWithin', (a) => void a.copyWithin(0, 2), 'r2 r3 w0 w1'],
  ['indexOf', (a) => a.indexOf(11), 'r0 r1'],
  ['lastIndexOf', (a) => a.lastIndexOf(12), 'r3 r2'],
  ['includes', (a) => a.includes(10), 'r0'],
  ['find', (a) => a.find((value) => value > 10), 'r0 r1'],
  ['findLastIndex', (a) => a.findLastIndex((value) => value < 13), 'r3 r2'],
  ['some', (a) => a.some((value) => value === 10), 'r0'],
  ['forEach', (a) => a.forEach((_, i, all) => (all[i] = 0)), 'r0 w0 r1 w1 r2 w2 r3 w3'],
  ['map', (a) => a.map((value) => value * 2), 'r0 r1 r2 r3'],
  ['filter', (a) => a.filter((value) => value > 11), 'r0 r1 r2 r3'],
  ['reduce', (a) => a.reduce((sum, value) => sum + value), 'r0 r1 r2 r3'],
  ['reduce, from a value', (a) => a.reduce((sum, value) => sum + value, 100), 'r0 r1 r2 r3'],
  ['reduceRight', (a) => a.reduceRight((text, value) => `${text}${value}`, ''), 'r3 r2 r1 r0'],
  ['join', (a) => a.join('-'), 'r0 r1 r2 r3'],
  ['toString', (a) => String(a), 'r0 r1 r2 r3'],
  ['toSorted', (a) => a.toSorted((x, y) => y - x), 'r0 r1 r2 r3'],
  ['sort', (a) => void a.sort((x, y) => y - x), 'w0 w1 w2 w3'],
  ['reverse', (a) => void a.reverse(), 'w0 w1 w2 w3'],
  ['a copy', (a) => new Int32Array(a), 'r0 r1 r2 r3'],
  ['Array.from', (a) => Array.from(a), 'r0 r1 r2 r3'],
  ['has', (a) => 1 in a, ''],
  [
    'a property of its own',
    (a) => {
      Object.assign(a, { label: 'x' });
      return (a as { label?: string }).label;
    },
    '',
  ],
];

describe('each use', () => {
  test.each(USES)('%s', (_, use, cells) => {
    const [bare, guarded] = [subject(), subject()];
    expect(use(guarded.view)).toEqual(use(bare.array));
    expect(guarded.told()).toBe(cells);
    expect(guarded.array).toEqual(bare.array);
  });

  test('what gives the array back gives the view', () => {
    const { view } = subject();
    expect(view.fill(0)).toBe(view);
    expect(view.sort()).toBe(view);
    view.forEach((_, __, all) => expect(all).toBe(view));
    expect(view.fill).toBe(view.fill);
    expect([view.fill.name, view.fill.length]).toEqual(['fill', 1]);
  });

  test('it is an Int32Array by its class, and the array stands behind it', () => {
    const { array, view } = subject();
    expect(view).toBeInstanceOf(Int32Array);
    expect(view.constructor).toBe(Int32Array);
    expect(behind(view)?.array).toBe(array);
    expect(behind(array)).toBeUndefined();
    for (const other of [undefined, null, 5, 'x', {}]) expect(behind(other)).toBeUndefined();
  });

  test('one view set into another is read there', () => {
    const [to, from] = [subject(), subject(2)];
    to.view.set(from.view, 2);
    expect([to.told(), from.told()]).toEqual(['w2 w3', 'r0 r1']);
    expect([...to.array]).toEqual([10, 11, 10, 11]);
  });

  test('errors are the array’s', () => {
    const { view, told } = subject();
    expect(() => view.set([1], 9)).toThrow(RangeError);
    expect(() => view.set([1, 2, 3, 4, 5])).toThrow(RangeError);
    expect(told()).toBe('');
    expect(() => view.find(5 as never)).toThrow(TypeError);
    expect(() => view.with(9, 0)).toThrow(RangeError);
  });

  test('index arguments are taken as arrays take them', () => {
    const argument = fc.oneof(fc.integer({ min: -6, max: 6 }), fc.constantFrom(undefined, Number.NaN, -0, 1.7, 1e10));
    fc.assert(
      fc.property(argument, argument, argument, (x, y, z) => {
        const [bare, guarded] = [subject(), subject()];
        expect(guarded.view.slice(x, y)).toEqual(bare.array.slice(x, y));
        expect(guarded.told().split(' ').filter(Boolean)).toHaveLength(bare.array.slice(x, y).length);
        bare.array.copyWithin(x as number, y as number, z);
        guarded.view.copyWithin(x as number, y as number, z);
        bare.array.fill(1, x, y);
        guarded.view.fill(1, x, y);
        expect(guarded.array).toEqual(bare.array);
        expect([...guarded.view.subarray(x, y)]).toEqual([...bare.array.subarray(x, y)]);
      }),
    );
  });
});

describe('Atomics', () => {
  test('takes a view as it takes the array, and tells of the access', () => {
    const before = Object.getOwnPropertyDescriptors(Atomics);
    const restore = patchGuardedAtomics();
    try {
      const { view, array, told } = subject();
      expect(Atomics.add(view, 1, 5)).toBe(11);
      expect(Atomics.load(view, 1)).toBe(16);
      expect(Atomics.compareExchange(view, 1, 16, 3)).toBe(16);
      expect(Atomics.wait(view, 0, 99)).toBe('not-equal');
      expect(Atomics.notify(view, 0)).toBe(0);
      expect(told()).toBe('a1 a1 a1 a0');
      expect(Atomics.store(array, 2, 4)).toBe(4);
      expect(told()).toBe('');
      expect(() => Atomics.load(view, 4)).toThrow(RangeError);
      expect(() => Atomics.load({} as Int32Array, 0)).toThrow(TypeError);
      expect(told()).toBe('');
      expect([Atomics.add.name, Atomics.add.length]).toEqual(['add', 3]);
    } finally {
      restore();
    }
    expect(Object.getOwnPropertyDescriptors(Atomics)).toEqual(before);
  });
});
