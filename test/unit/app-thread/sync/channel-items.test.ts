/** What of an item survives its way through a channel: everything that is promised, exactly. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Channel } from '../../../../agent/app-thread/sync/index.ts';

const channel = new Channel({ capacity: 1, itemBytes: 4096 });

function through(item: unknown): unknown {
  channel.send(item);
  return channel.receive();
}

describe('items', () => {
  test('any number, text, boolean and null comes out the same', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.integer(), fc.boolean(), fc.constant(null), text), (item) => {
        expect(through(item)).toBe(item);
      }),
    );
    expect(Object.is(through(-0), -0)).toBe(true);
  });

  test('texts of every length around the one from which they are copied otherwise', () => {
    for (let length = 0; length < 60; length++) {
      expect(through('a'.repeat(length))).toBe('a'.repeat(length));
      expect(through('\ud800'.repeat(length))).toBe('\ud800'.repeat(length));
    }
  });

  test('bytes are copied, and stay what they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => {
        const copy = through(bytes) as Uint8Array;
        expect(copy).toEqual(bytes);
        expect(Buffer.isBuffer(copy)).toBe(false);
        expect(Buffer.isBuffer(through(Buffer.from(bytes)))).toBe(true);
      }),
    );
    const first = through(new Uint8Array([1, 2, 3])) as Uint8Array;
    const second = through(new Uint8Array([4, 5, 6])) as Uint8Array;
    expect([first, second]).toEqual([new Uint8Array([1, 2, 3]), new Uint8Array([4, 5, 6])]);
    expect(through(new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2))).toEqual(new Uint8Array([2, 3]));
  });

  test('other values are what v8.serialize keeps', () => {
    const cyclic: Record<string, unknown> = { list: [1, 'two', 3n], map: new Map([[{ a: 1 }, new Set([2])]]) };
    cyclic['self'] = cyclic;
    expect(through(cyclic)).toEqual(cyclic);
    for (const item of [
      new Date(5),
      /x/gi,
      10n ** 30n,
      new Float64Array([1, Number.NaN]),
      [undefined],
      new ArrayBuffer(3),
    ])
      expect(through(item)).toEqual(item);
    expect(through(new RangeError('far'))).toBeInstanceOf(RangeError);
    class Point {
      readonly x = 1;
    }
    expect(through(new Point())).not.toBeInstanceOf(Point);
    expect(through(new Point())).toEqual({ x: 1 });
  });
});
