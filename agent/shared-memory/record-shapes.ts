/**
 * What a record of each kind can be: of how many halves, which numbers it may hold, and when it ended.
 *
 * Runs on the agent thread, for each record that `RingReader` reads. It must never throw: any bits may stand in a ring. What stands for a kind, a mode, an outcome or, in a second half, a duration is
 * looked at where it is decoded (`lock-records.ts`, `queue-records.ts`); of a name the number is looked up, and one that there is not is a name of no letters.
 */
import type { RecordHalf } from './lock-records.ts';
import { GC_TYPES, RecordKind } from './records.ts';

interface RecordShape {
  readonly hasTwoHalves: boolean;
  /** Of the second half, which is the first again where there is one only. */
  canBe(first: RecordHalf, second: RecordHalf): boolean;
  /** When all that it tells of was over. */
  endNs(first: RecordHalf, second: RecordHalf): number;
}

/** Both halves hold a part of the time: the wait, then the work. */
const endOfBoth = (first: RecordHalf, second: RecordHalf): number =>
  first.startNs + first.durationNs + second.durationNs;
const endOfFirst = ({ startNs, durationNs }: RecordHalf): number => startNs + durationNs;

const SHAPES: Readonly<Record<RecordKind, RecordShape>> = {
  [RecordKind.GC]: {
    hasTwoHalves: false,
    canBe: ({ number }) => number >= 0 && number < GC_TYPES.length,
    endNs: endOfFirst,
  },
  [RecordKind.EVENTLOOP]: {
    hasTwoHalves: false,
    canBe: ({ number }) => number >= 0,
    endNs: endOfFirst,
  },
  [RecordKind.LOCK_WAIT]: {
    hasTwoHalves: true,
    /* The numbers of two names stand where another half has times. */
    canBe: (_, { startNs, durationNs }) => isNameNumber(startNs) && isNameNumber(durationNs),
    endNs: endOfFirst,
  },
  [RecordKind.LOCK_BLAME]: {
    hasTwoHalves: false,
    canBe: () => true,
    /* It tells of a moment, and what was waited until then is less than two milliseconds: so it may be added, and is bounded. */
    endNs: endOfFirst,
  },
  [RecordKind.LOCK_ORDER]: {
    hasTwoHalves: true,
    canBe: (first, { startNs, durationNs }) =>
      isNameNumber(first.durationNs) && isNameNumber(startNs) && (durationNs === 0 || durationNs === 1),
    endNs: ({ startNs }) => startNs,
  },
  [RecordKind.RACE]: {
    hasTwoHalves: true,
    canBe: ({ second }) => second >= 0,
    endNs: endOfFirst,
  },
  [RecordKind.MESSAGE]: {
    hasTwoHalves: true,
    canBe: () => true,
    endNs: endOfBoth,
  },
  [RecordKind.TASK]: {
    hasTwoHalves: true,
    canBe: () => true,
    endNs: endOfBoth,
  },
  [RecordKind.TASK_CPU]: {
    hasTwoHalves: false,
    canBe: ({ number }) => number >= 0,
    endNs: endOfFirst,
  },
};

/** Whether the record can be one of its kind, given which of its two halves are there, and ended no later than that. */
export function isPossible(first: RecordHalf, second: RecordHalf | undefined, latestNs: number): boolean {
  const shape = SHAPES[first.kind] as RecordShape | undefined;
  if (shape === undefined || shape.hasTwoHalves !== (second !== undefined)) return false;
  const last = second ?? first;
  /* Written so that what is not a number is not possible. */
  if (!(first.startNs > 0 && first.durationNs >= 0 && shape.endNs(first, last) <= latestNs)) return false;
  return shape.canBe(first, last);
}

function isNameNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0x7fffffff;
}
