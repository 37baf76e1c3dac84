/** Race memory: items by key, sets of locks, the access log, shadow cells; at their limits too. */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { logAccess, readAccess, standsFor, threadOfAccess } from '../../../agent/shared-memory/access-log.ts';
import { Locksets, MAX_LOCKS, NO_LOCKS } from '../../../agent/shared-memory/locksets.ts';
import { ACCESSES, RaceItem, RaceMemory } from '../../../agent/shared-memory/race-memory.ts';
import { ShadowCells } from '../../../agent/shared-memory/shadow-cells.ts';

let memory: RaceMemory;
beforeEach(() => {
  memory = RaceMemory.create();
});

const access = {
  holderWord: 0x1004,
  siteNumber: 7,
  stackNumber: 8,
  lockset: 0,
  isWrite: true,
  isAtomic: false,
  context: { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: 1 },
  spanNumber: 3,
};

describe('items', () => {
  test('G1, G2: a key has one item on all threads, and one of them made it', () => {
    const keys = fc.array(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 3 }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(keys, (wanted) => {
        const own = RaceMemory.create();
        const other = RaceMemory.attach(own.buffer);
        if (other === undefined) expect.unreachable('not attached');
        const numbers = new Map<string, number>();
        for (const [i, key] of wanted.entries()) {
          const item = (i % 2 === 0 ? own : other).intern(RaceItem.TOLD, key, 0);
          if (item === undefined) expect.unreachable('no room');
          expect(item.isNew).toBe(!numbers.has(key.join()));
          expect(item.at).toBe(numbers.get(key.join()) ?? item.at);
          expect(other.keyOf(RaceItem.TOLD, item.at)).toEqual(key);
          numbers.set(key.join(), item.at);
        }
        expect(new Set(numbers.values()).size).toBe(numbers.size);
      }),
      { numRuns: 20 },
    );
  });

  test('a kind is part of the key, and payloads do not overlap', () => {
    const page = memory.intern(RaceItem.PAGE, [1, 2], 64);
    const array = memory.intern(RaceItem.ARRAY, [1, 2], 64);
    if (page === undefined || array === undefined) expect.unreachable('no room');
    expect(Math.abs(page.payloadAt - array.payloadAt)).toBeGreaterThanOrEqual(64);
  });

  test('a full memory gives nothing more, and keeps what it has', () => {
    const first = memory.intern(RaceItem.PAGE, [0, 0], 1024)?.at;
    let made = 1;
    while (memory.intern(RaceItem.PAGE, [0, made], 1024) !== undefined) made++;
    expect(made).toBeGreaterThan(10_000);
    expect(memory.intern(RaceItem.PAGE, [0, 0], 1024)).toMatchObject({ at: first, isNew: false });
  });

  test('a buffer that is not one is not attached', () => {
    expect(RaceMemory.attach(undefined)).toBeUndefined();
    expect(RaceMemory.attach(new SharedArrayBuffer(memory.buffer.byteLength))).toBeUndefined();
  });
});

describe('sets of locks', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { maxLength: MAX_LOCKS });

  test('a set has one number whatever the order, on every thread, and what two have in common is what both have', () => {
    const here = new Locksets(memory);
    const there = new Locksets(RaceMemory.attach(memory.buffer) as RaceMemory);
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const [one, two] = [here.of(a), there.of(b)];
        if (one === undefined || two === undefined) expect.unreachable('no room');
        expect(there.of(a.toReversed())).toBe(one);
        expect(there.idsOf(one)).toEqual(a.toSorted((x, y) => x - y));
        const common = a.filter((id) => b.includes(id)).toSorted((x, y) => x - y);
        expect(here.idsOf(here.common(one, two))).toEqual(common);
        expect(there.common(two, one)).toBe(here.common(one, two));
        expect(here.common(one, two) === NO_LOCKS).toBe(common.length === 0);
      }),
    );
  });

  test('an id that looks like the head of a set misleads nobody', () => {
    const looksLikeHead = RaceItem.LOCKSET | (1 << 8);
    const set = new Locksets(memory).of([looksLikeHead, looksLikeHead + 1]) ?? 0;
    expect(new Locksets(memory).idsOf(set)).toEqual([looksLikeHead, looksLikeHead + 1]);
  });

  test('too many locks at once are no set', () => {
    expect(new Locksets(memory).of(Array.from({ length: MAX_LOCKS + 1 }, (_, i) => i + 1))).toBeUndefined();
  });
});

describe('the access log', () => {
  test('X1: an access is read as it was logged, until newer ones take its place', () => {
    const number = logAccess(memory, access);
    expect(readAccess(memory, number)).toEqual(access);
    for (let i = 1; i < ACCESSES; i++) logAccess(memory, { ...access, context: undefined });
    expect(readAccess(memory, number)).toEqual(access);
    logAccess(memory, { ...access, holderWord: 5 });
    expect(readAccess(memory, number)).toBeUndefined();
    expect(threadOfAccess(memory, number)).toBe(0);
    expect(standsFor(memory, number, access)).toBe(false);
  });

  test('an access without a span has none, where one with a span stood', () => {
    const [first = 0] = Array.from({ length: ACCESSES }, () => logAccess(memory, access));
    const number = logAccess(memory, { ...access, context: undefined });
    expect(number).toBe(first + ACCESSES);
    expect(readAccess(memory, number)?.context).toBeUndefined();
  });

  test('a write stands for a read of the same thread under the same locks in the same span, and for nothing else', () => {
    const write = logAccess(memory, access);
    const read = logAccess(memory, { ...access, isWrite: false });
    expect(standsFor(memory, write, access)).toBe(true);
    expect(standsFor(memory, write, { ...access, isWrite: false })).toBe(true);
    expect(standsFor(memory, read, access)).toBe(false);
    for (const other of [{ holderWord: 1 }, { lockset: 1 }, { spanNumber: 1 }, { isAtomic: true }])
      expect(standsFor(memory, write, { ...access, ...other })).toBe(false);
    expect(standsFor(memory, 0, { ...access, holderWord: 0, spanNumber: 0, isWrite: false })).toBe(false);
  });
});

describe('shadow cells', () => {
  const identity = { lockId: 4, bufferBytes: 65_536, cellBytes: 4, name: '', owner: 0, own: 0 };
  const find = (own: RaceMemory, different: Partial<typeof identity> = {}): ShadowCells => {
    const cells = ShadowCells.find(own, { ...identity, ...different });
    if (cells === undefined) expect.unreachable('no room');
    return cells;
  };

  test('are the same for all who guard the same data, and others for other data', () => {
    const here = find(memory);
    const there = find(RaceMemory.attach(memory.buffer) as RaceMemory);
    for (const cell of [0, 1, 255, 256, 16_383]) expect(there.at(cell)).toBe(here.at(cell));
    expect(here.at(1) - here.at(0)).toBe(4);
    const others = [
      { lockId: 5 },
      { bufferBytes: 4096 },
      { cellBytes: 8 },
      { name: 'rows' },
      { bufferBytes: 2 ** 33 },
      { owner: 8 },
      { own: 1 },
    ];
    const places = [identity, ...others].map((different) => find(memory, different).at(0));
    expect(new Set(places).size).toBe(places.length);
  });

  test('S1: nobody waits for ever for a thread that died at a cell', () => {
    const cells = find(memory);
    const at = cells.at(3);
    cells.enter(at);
    find(memory).enter(at);
    cells.leave(at);
    expect(memory.i32[at + 3]).toBe(0);
  });
});
