/** Buffers of this thread's own making, and that nothing else of `SharedArrayBuffer` changes. */
import { expect, test } from 'vitest';
import { followOwnBuffers } from '../../../../agent/app-thread/instrumentation/own-buffers.ts';

test('what is made here has a number, what was made elsewhere has none', () => {
  const original = SharedArrayBuffer;
  const before = new SharedArrayBuffer(8);
  const own = followOwnBuffers();
  try {
    class Subclass extends SharedArrayBuffer {}
    const made = [new SharedArrayBuffer(8), new SharedArrayBuffer(8, { maxByteLength: 16 }), new Subclass(8)];
    expect(made.map(own.numberOf)).toEqual([1, 2, 3]);
    expect(made[1]?.maxByteLength).toBe(16);
    expect(made[2]).toBeInstanceOf(Subclass);
    const received = structuredClone(made[0] as SharedArrayBuffer);
    expect([own.numberOf(before), own.numberOf(received)]).toEqual([0, 0]);
    for (const buffer of [before, received, ...made]) expect(buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(received.constructor).toBe(SharedArrayBuffer);
    expect([SharedArrayBuffer.name, SharedArrayBuffer.length]).toEqual(['SharedArrayBuffer', 1]);
    expect(() => new SharedArrayBuffer(-1)).toThrow(RangeError);
    expect(() => Reflect.apply(SharedArrayBuffer, undefined, [8])).toThrow(TypeError);
  } finally {
    own.stop();
  }
  expect(SharedArrayBuffer).toBe(original);
  expect(before.constructor).toBe(original);
});
