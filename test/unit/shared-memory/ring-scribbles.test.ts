/**
 * A ring in which any bits may stand: what its reader and the decoders of each kind believe of it is possible.
 *
 * Words that are merely random are a record once in a hundred thousand, so most of what is written here is nearly one: of a kind there is, with flags that fit, with times near the
 * edge of what may be. That each kind is believed now and then is part of the test.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LOCK_MODES } from '../../../agent/shared-memory/async-locks.ts';
import { ControlMemory, RECORD_BYTES, RING_RECORDS, SLOT } from '../../../agent/shared-memory/layout.ts';
import { LOCK_KINDS } from '../../../agent/shared-memory/lock-block.ts';
import {
  decodeLockBlame,
  decodeLockOrder,
  decodeLockWait,
  decodeRace,
  type LockRef,
  type RecordHalf,
  WAIT_OUTCOMES,
} from '../../../agent/shared-memory/lock-records.ts';
import { QUEUE_KINDS } from '../../../agent/shared-memory/queue-cells.ts';
import {
  DIRECTIONS,
  decodeMessage,
  decodeTask,
  decodeTaskCpu,
  MIN_TASK_CPU_NS,
  TASK_OUTCOMES,
} from '../../../agent/shared-memory/queue-records.ts';
import { FIRST_HALF, GC_TYPES, RECORD, RecordKind, SECOND_HALF } from '../../../agent/shared-memory/records.ts';
import { RingReader, type RingRecord } from '../../../agent/shared-memory/ring-reader.ts';

const NOW_NS = 1e12;
/** The clocks of two threads differ by less. */
const LATEST_NS = NOW_NS + 1e9;
const SLOT_NUMBER = 3;
const PLACES = 8;
/** So many that each kind is believed some thirty times and more. */
const RUNS = 4000;
const memory = ControlMemory.create(0);
const ringAt = memory.ringAt(SLOT_NUMBER);
const writeAt = memory.slotAt(SLOT_NUMBER, SLOT.RING_WRITE) >> 2;
const readAt = memory.slotAt(SLOT_NUMBER, SLOT.RING_READ) >> 2;

/** Whether what was believed of a record of its kind can be; undefined where its decoder believes nothing of it. */
const CHECKS: Readonly<Record<RecordKind, (halves: readonly RecordHalf[], record: RingRecord) => boolean | undefined>> =
  {
    [RecordKind.GC]: (halves, { number, startNs, durationNs }) =>
      halves.length === 1 && GC_TYPES[number] !== undefined && isPast(startNs, durationNs),
    [RecordKind.EVENTLOOP]: (halves, { number, startNs, durationNs }) =>
      halves.length === 1 && number >= 0 && isPast(startNs, durationNs),
    [RecordKind.LOCK_WAIT]: (halves) => {
      const wait = decodeLockWait(halves);
      return (
        wait &&
        halves.length === 2 &&
        isLock(wait) &&
        isName(wait.instanceNumber) &&
        WAIT_OUTCOMES.includes(wait.outcome) &&
        isPast(wait.startNs, wait.durationNs)
      );
    },
    [RecordKind.LOCK_BLAME]: (halves) => {
      const blame = decodeLockBlame(halves);
      /* Its class is a word, which may be anything: a name that there is not has no letters. */
      return blame && halves.length === 1 && isLock({ ...blame, classNumber: 0 }) && isPast(blame.atNs, blame.waitedNs);
    },
    [RecordKind.LOCK_ORDER]: (halves) => {
      const order = decodeLockOrder(halves);
      return (
        order &&
        halves.length === 2 &&
        isLock(order.outer) &&
        isLock(order.inner) &&
        [0, 1].includes(halves[1]?.durationNs ?? -1) &&
        order.gates.length <= 4 &&
        isPast(order.atNs)
      );
    },
    [RecordKind.RACE]: (halves) => {
      const race = decodeRace(halves);
      return race && halves.length === 2 && race.index >= 0 && isPast(race.atNs);
    },
    [RecordKind.MESSAGE]: (halves) => {
      const message = decodeMessage(halves);
      return (
        message &&
        halves.length === 2 &&
        QUEUE_KINDS.includes(message.kind) &&
        DIRECTIONS.includes(message.direction) &&
        isPast(message.sentNs, message.transitNs, message.processNs)
      );
    },
    [RecordKind.TASK]: (halves) => {
      const task = decodeTask(halves);
      return (
        task &&
        halves.length === 2 &&
        QUEUE_KINDS.includes(task.kind) &&
        TASK_OUTCOMES.includes(task.outcome) &&
        isPast(task.submittedNs, task.waitNs, task.serviceNs)
      );
    },
    [RecordKind.TASK_CPU]: (halves, record) => {
      const used = decodeTaskCpu(record);
      return (
        used &&
        halves.length === 1 &&
        used.cpuNs >= MIN_TASK_CPU_NS &&
        used.cpuNs <= used.workedNs &&
        isPast(used.beganNs, used.workedNs)
      );
    },
  };

/** A time after the clock's zero, and lengths of time that follow it and are over. */
function isPast(startNs: number, ...lengthsNs: readonly number[]): boolean {
  const endNs = lengthsNs.reduce((sum, lengthNs) => sum + lengthNs, startNs);
  return startNs > 0 && lengthsNs.every((lengthNs) => lengthNs >= 0) && endNs <= LATEST_NS;
}

function isLock({ kind, mode, classNumber }: LockRef): boolean {
  return LOCK_KINDS.includes(kind) && LOCK_MODES.includes(mode) && isName(classNumber);
}

function isName(number: number): boolean {
  return Number.isInteger(number) && number >= 0 && number <= 0x7fffffff;
}

/** What is likely, and now and then anything. */
const mostly = <T>(likely: fc.Arbitrary<T>, anything: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: likely }, { weight: 1, arbitrary: anything });
const anyWord = fc.oneof(fc.integer(), fc.integer({ min: -1, max: 8 }), fc.constantFrom(0x7fffffff, -0x80000000));
/** A kind, a mode and an outcome in one word, or two locks. */
const packed = fc
  .tuple(fc.nat(5), fc.nat(1), fc.nat(3), fc.nat(1))
  .map((bytes) => bytes.reduce((sum, byte, i) => sum | (byte << (8 * i)), 0));
const time = mostly(
  fc.constantFrom(0, 1, 1, 2e6, 2e6),
  fc.oneof(
    fc.constantFrom(1.5, 2 ** 31, NOW_NS / 2, NOW_NS, LATEST_NS, LATEST_NS + 1, 1e300),
    fc.constantFrom(-1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    fc.double(),
  ),
);
const kind = fc.constantFrom(...Object.values(RecordKind));
const half = fc.record({
  number: mostly(fc.constantFrom(0, 2, 1000, 2000), anyWord),
  second: mostly(packed, anyWord),
  third: mostly(packed, anyWord),
  fourth: anyWord,
  startNs: time,
  durationNs: time,
  hasContext: mostly(fc.constant(true), fc.constant(false)),
});
type Half = typeof half extends fc.Arbitrary<infer T> ? T : never;
const anyFlags = fc
  .tuple(kind, fc.constantFrom(0, FIRST_HALF, SECOND_HALF, 0x400))
  .map(([one, flags]) => [one | flags]);
/** A record of one half or of two, or a half of any flags. */
const written = fc.oneof(
  fc.record({ kinds: kind.map((one) => [one]), halves: fc.array(half, { minLength: 1, maxLength: 1 }) }),
  fc.record({
    kinds: kind.map((one) => [one | FIRST_HALF, one | SECOND_HALF]),
    halves: fc.array(half, { minLength: 2, maxLength: 2 }),
  }),
  fc.record({ kinds: anyFlags, halves: fc.array(half, { minLength: 1, maxLength: 1 }) }),
);
const word = fc.record({ at: fc.nat((PLACES * RECORD_BYTES) / 4 - 1), value: anyWord });
/** Mostly those of what is written. */
const indexes = fc.oneof(
  { weight: 4, arbitrary: fc.constant([0, PLACES] as const) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(PLACES), fc.nat(PLACES)).map(([from, count]) => [from, from + count] as const),
  },
  { weight: 1, arbitrary: fc.tuple(fc.integer(), fc.integer()) },
);

function write(place: number, kindWord: number, { hasContext, startNs, durationNs, ...numbers }: Half): void {
  const at = ringAt + place * RECORD_BYTES;
  memory.i32[(at + RECORD.KIND) >> 2] = kindWord;
  memory.i32[(at + RECORD.NUMBER) >> 2] = numbers.number;
  memory.i32[(at + RECORD.SECOND) >> 2] = numbers.second;
  memory.i32[(at + RECORD.THIRD) >> 2] = numbers.third;
  memory.i32[(at + RECORD.FOURTH) >> 2] = numbers.fourth;
  memory.f64[(at + RECORD.START_NS) >> 3] = startNs;
  memory.f64[(at + RECORD.DURATION_NS) >> 3] = durationNs;
  memory.i32.fill(hasContext ? 0x101 : 0, (at + RECORD.CONTEXT) >> 2, ((at + RECORD.CONTEXT) >> 2) + 7);
}

test('no bits anywhere make the reader throw, loop or believe the impossible', () => {
  const believed = new Set<RecordKind>();
  fc.assert(
    fc.property(
      indexes,
      fc.array(written, { minLength: 1, maxLength: PLACES / 2 }),
      fc.array(word, { maxLength: 1 }),
      ([read, end], records, words) => {
        memory.u8.fill(0, ringAt, ringAt + PLACES * RECORD_BYTES);
        let place = 0;
        for (const { kinds, halves } of records) {
          for (const [i, one] of halves.entries()) write(place++, kinds[i] as number, one);
        }
        for (const { at, value } of words) memory.i32[(ringAt >> 2) + at] = value;
        memory.i32[writeAt] = end;
        memory.i32[readAt] = read;

        const reader = new RingReader(memory, SLOT_NUMBER);
        let places = 0;
        const impossible: RingRecord[] = [];
        const visited = reader.drain(
          (record) => {
            const halves = record.other === undefined ? [record] : [record, record.other];
            places += halves.length;
            const isRight = CHECKS[record.kind](halves, record);
            if (isRight === true) believed.add(record.kind);
            if (isRight === false) impossible.push({ ...record });
          },
          () => NOW_NS,
        );
        expect(impossible).toEqual([]);
        expect(visited).toBeLessThanOrEqual(RING_RECORDS);
        expect(memory.i32[readAt]).toBe(end);
        let corrupt = 0;
        reader.takeDropped((_, count) => (corrupt += count));
        const waiting = (end - read) >>> 0;
        /* Each place is part of one record, or counted; indexes that cannot be are counted once. */
        expect(places + corrupt).toBe(waiting > RING_RECORDS ? 1 : waiting);
      },
    ),
    { numRuns: RUNS },
  );
  expect(believed).toEqual(new Set(Object.values(RecordKind)));
});
