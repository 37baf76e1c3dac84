/** What is said of locks arrives as it was said, through a ring; and whatever a record holds, decoding it never throws nor believes the impossible. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LOCK_MODES } from '../../../agent/shared-memory/async-locks.ts';
import { SLOT } from '../../../agent/shared-memory/layout.ts';
import { LOCK_KINDS } from '../../../agent/shared-memory/lock-block.ts';
import {
  decodeLockBlame,
  decodeLockOrder,
  decodeLockWait,
  decodeRace,
  encodeLockBlame,
  encodeLockOrder,
  encodeLockWait,
  encodeRace,
  type LockBlameRecord,
  type LockHolder,
  type LockOrderRecord,
  type LockRef,
  type LockWaitRecord,
  type RaceRecord,
  WAIT_OUTCOMES,
} from '../../../agent/shared-memory/lock-records.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import { RingReader } from '../../../agent/shared-memory/ring-reader.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';
import { ids, memory, NOW_NS, ns, number, through } from './record-trips.ts';

const context = fc.option(ids, { nil: undefined });
const word = fc.integer();
const ref: fc.Arbitrary<LockRef> = fc.record({
  lockId: word,
  classNumber: number,
  kind: fc.constantFrom(...LOCK_KINDS),
  mode: fc.constantFrom(...LOCK_MODES),
});
const holder: fc.Arbitrary<LockHolder> = fc.record({
  holderWord: word,
  slot: fc.nat(512),
  siteNumber: number,
  stackNumber: number,
  context,
});
const merged = <A extends object, B extends object>(a: fc.Arbitrary<A>, b: fc.Arbitrary<B>): fc.Arbitrary<A & B> =>
  fc.tuple(a, b).map(([one, other]) => ({ ...one, ...other }));

const wait: fc.Arbitrary<LockWaitRecord> = merged(
  ref,
  fc.record({
    outcome: fc.constantFrom(...WAIT_OUTCOMES),
    startNs: ns,
    durationNs: ns,
    siteNumber: number,
    stackNumber: number,
    context,
    holder,
    instanceNumber: number,
  }),
);
const blame: fc.Arbitrary<LockBlameRecord> = merged(ref, fc.record({ holderWord: word, waitedNs: ns, atNs: ns }));
const order: fc.Arbitrary<LockOrderRecord> = fc.record({
  isAsync: fc.boolean(),
  outer: ref,
  inner: ref,
  gates: fc.array(
    word.filter((gate) => gate !== 0),
    { maxLength: 4 },
  ),
  stackNumber: number,
  atNs: ns,
  context,
});
const race: fc.Arbitrary<RaceRecord> = fc.record({
  lockId: word,
  index: fc.nat(),
  isWrite: fc.boolean(),
  otherIsWrite: fc.boolean(),
  atNs: ns,
  stackNumber: number,
  context,
  other: holder,
});

describe('arrives as it was said', () => {
  test('a wait', () => {
    fc.assert(
      fc.property(wait, (said) => {
        expect(decodeLockWait(through(encodeLockWait(said)))).toEqual(said);
      }),
    );
  });

  test('a sum of short waits', () => {
    fc.assert(
      fc.property(blame, (said) => {
        expect(decodeLockBlame(through(encodeLockBlame(said)))).toEqual(said);
      }),
    );
  });

  test('a lock order', () => {
    fc.assert(
      fc.property(order, (said) => {
        expect(decodeLockOrder(through(encodeLockOrder(said)))).toEqual(said);
      }),
    );
  });

  test('a race', () => {
    /* The thread of the other access is named by its holder word. */
    fc.assert(
      fc.property(race, (said) => {
        expect(decodeRace(through(encodeRace(said)))).toEqual(said);
      }),
    );
  });
});

test('of more than four gates the first four are told', () => {
  const said: LockOrderRecord = {
    outer: { lockId: 1, classNumber: 0, kind: 'mutex', mode: 'exclusive' },
    inner: { lockId: 2, classNumber: 0, kind: 'mutex', mode: 'exclusive' },
    gates: [3, 4, 5, 6, 7],
    stackNumber: 8,
    atNs: 9,
    context: undefined,
    isAsync: false,
  };
  expect(decodeLockOrder(through(encodeLockOrder(said)))?.gates).toEqual([3, 4, 5, 6]);
});

test('scribbled on: nothing throws, and kinds, modes and outcomes are those there are', () => {
  const half = fc.record({
    kind: fc.constantFrom(...Object.values(RecordKind)),
    number: word,
    second: word,
    third: word,
    fourth: word,
    startNs: fc.double(),
    durationNs: fc.double(),
    context: fc.constant(undefined),
  });
  fc.assert(
    fc.property(fc.array(half, { maxLength: 2 }), (halves) => {
      const waited = decodeLockWait(halves);
      if (waited !== undefined) expect(WAIT_OUTCOMES).toContain(waited.outcome);
      const ordered = decodeLockOrder(halves);
      for (const found of [waited, decodeLockBlame(halves), ordered?.inner, ordered?.outer]) {
        if (found === undefined) continue;
        expect(LOCK_KINDS).toContain(found.kind);
        expect(LOCK_MODES).toContain(found.mode);
      }
      decodeRace(halves);
    }),
  );
});

test('a half without the other one is counted as corrupt', () => {
  memory.clearSlot(0);
  const said = encodeLockWait({
    lockId: 1,
    classNumber: 0,
    kind: 'mutex',
    mode: 'exclusive',
    outcome: 'acquired',
    startNs: 1,
    durationNs: 1,
    siteNumber: 0,
    stackNumber: 0,
    context: undefined,
    holder: { holderWord: 0, slot: 0, siteNumber: 0, stackNumber: 0, context: undefined },
    instanceNumber: 0,
  });
  new RingWriter(memory, 0).offerEncoded(said);
  memory.i32[memory.slotAt(0, SLOT.RING_WRITE) >> 2] = 1;
  const reader = new RingReader(memory, 0);
  expect(
    reader.drain(
      () => expect.unreachable('a half'),
      () => NOW_NS,
    ),
  ).toBe(0);
  const dropped: [string, number][] = [];
  reader.takeDropped((kind, count) => dropped.push([kind, count]));
  expect(dropped).toEqual([['corrupt', 1]]);
});
