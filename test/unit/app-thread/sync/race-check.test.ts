/** The lockset check: which accesses are told as a race, against a plain model of the rule, and what is told of them. */
import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { type GuardedCells, RaceCheck } from '../../../../agent/app-thread/sync/race-check.ts';
import type { RaceRecord } from '../../../../agent/shared-memory/lock-records.ts';
import { holderWord } from '../../../../agent/shared-memory/lock-word.ts';
import { RaceMemory } from '../../../../agent/shared-memory/race-memory.ts';
import type { TraceIds } from '../../../../agent/shared-memory/registry.ts';
import { ShadowCells } from '../../../../agent/shared-memory/shadow-cells.ts';

const LOCK = 9;
let memory: RaceMemory;
let gone: Set<number>;
let known: Set<number>;
let threads: SubjectThread[];

/** A thread of a race, played by the test's own. */
class SubjectThread {
  readonly word: number;
  readonly told: RaceRecord[] = [];
  held: readonly number[] = [];
  shared: readonly number[] = [];
  site = 1;
  captures = 0;
  context: TraceIds | undefined;
  readonly cells: GuardedCells;
  readonly #check: RaceCheck;

  constructor(number: number, lockId = LOCK) {
    this.word = holderWord(number, 1);
    const own = RaceMemory.attach(memory.buffer) as RaceMemory;
    const shadow = ShadowCells.find(own, {
      lockId,
      bufferBytes: 4096,
      cellBytes: 4,
      name: '',
      owner: 0,
      own: 0,
    }) as ShadowCells;
    const heldIds = (isWrite: boolean): number[] => [...this.held, ...(isWrite ? [] : this.shared)];
    this.cells = { lockId, classKey: -lockId, shadow, firstCell: 10, heldIds, fruitless: 0 };
    this.#check = new RaceCheck(own, {
      holderWord: this.word,
      isOver: (word) => known.has(word),
      isGone: (word) => gone.has(word),
      activeTraceIds: () => this.context,
      capture: () => {
        this.captures++;
        return { siteNumber: this.site, stackNumber: this.site * 100 };
      },
      nowNs: () => 77,
      record: (race) => this.told.push(race),
    });
  }

  touch(isWrite: boolean, { held = [], site = 1, cell = 10, isAtomic = false, shared = [] }: Partial<How> = {}): this {
    Object.assign(this, { held, site, shared });
    this.#check.touch(this.cells, cell, isWrite, isAtomic);
    return this;
  }

  write(how?: Partial<How>): this {
    return this.touch(true, how);
  }

  read(how?: Partial<How>): this {
    return this.touch(false, how);
  }
}

interface How {
  held: readonly number[];
  shared: readonly number[];
  site: number;
  cell: number;
  isAtomic: boolean;
}

const told = (): RaceRecord[] => threads.flatMap((thread) => thread.told);

beforeEach(() => {
  memory = RaceMemory.create();
  gone = new Set();
  known = new Set();
  threads = Array.from({ length: 4 }, (_, i) => new SubjectThread(i));
});

const thread = (i: number): SubjectThread => threads[i] as SubjectThread;

test('two writes without a common lock are told with both places, stacks and spans', () => {
  const context = (digit: string): TraceIds => ({
    traceId: digit.repeat(32),
    spanId: digit.repeat(16),
    traceFlags: 1,
  });
  thread(0).context = context('a');
  thread(1).context = context('b');
  thread(0).write({ site: 3 });
  thread(1)
    .read({ site: 4, held: [LOCK] })
    .write({ site: 5 });
  expect(told()).toEqual([
    {
      lockId: LOCK,
      index: 0,
      isWrite: true,
      otherIsWrite: true,
      atNs: 77,
      stackNumber: 500,
      context: context('b'),
      other: {
        holderWord: thread(0).word,
        slot: 0,
        siteNumber: 3,
        stackNumber: 300,
        context: context('a'),
      },
    },
  ]);
});

test('a pair of places is told once, whichever thread and cell it is, and another pair again', () => {
  for (let round = 0; round < 200; round++) {
    thread(0).write({ site: 3, cell: round });
    thread(1).write({ site: 5, cell: round });
    thread(0).write({ site: 3, cell: round });
  }
  expect(told()).toHaveLength(1);
  thread(2).write({ site: 8, cell: 0 });
  expect(told()).toHaveLength(2);
});

test('what is initialised by one thread, guarded by all, and read by the last one, is no race', () => {
  thread(0).write({ site: 1 });
  for (let round = 0; round < 5; round++)
    for (const i of [1, 2])
      thread(i)
        .read({ held: [LOCK], site: 2 })
        .write({ held: [LOCK], site: 3 });
  expect(told()).toEqual([]);
  gone.add(thread(1).word).add(thread(2).word);
  thread(0).read({ site: 4 }).write({ site: 5 });
  expect(told()).toEqual([]);
  /* It is the last one's own now: it may initialise it anew. */
  thread(3)
    .read({ held: [LOCK], site: 6 })
    .write({ held: [LOCK], site: 7 });
  expect(told()).toEqual([]);
});

test('a read by one that has not waited for all others is told', () => {
  for (let round = 0; round < 5; round++) for (const i of [1, 2]) thread(i).write({ held: [LOCK], site: 3 });
  gone.add(thread(1).word);
  thread(0).read({ site: 4 });
  expect(told()).toMatchObject([{ isWrite: false, otherIsWrite: true, other: { holderWord: thread(2).word } }]);
});

test('a cell that was one dead thread’s is the next one’s', () => {
  known.add(thread(0).word);
  thread(0).write();
  thread(1).write();
  thread(2).write({ held: [LOCK] });
  expect(told()).toEqual([]);
});

test('read-only sharing needs no lock', () => {
  thread(0).write();
  for (let round = 0; round < 5; round++) for (const i of [0, 1, 2]) thread(i).read();
  expect(told()).toEqual([]);
  thread(1).write();
  expect(told()).toHaveLength(1);
});

test('a reader’s lock guards reads from writers, not writes', () => {
  thread(0).write({ held: [LOCK] });
  thread(1).read({ shared: [LOCK] });
  thread(0).write({ held: [LOCK] });
  expect(told()).toEqual([]);
  thread(1).write({ shared: [LOCK] });
  expect(told()).toHaveLength(1);
});

test('atomic accesses are no race with each other, but with plain ones', () => {
  for (let round = 0; round < 5; round++) for (const i of [0, 1]) thread(i).write({ isAtomic: true });
  expect(told()).toEqual([]);
  thread(1).write({ held: [LOCK], site: 2 });
  expect(told()).toHaveLength(1);
});

test('three that have a lock in common two by two, but none all together, are no pair that races', () => {
  for (let round = 0; round < 5; round++) {
    thread(0).write({ held: [1, 2] });
    thread(1).write({ held: [2, 3] });
    thread(2).write({ held: [1, 3] });
  }
  expect(told()).toEqual([]);
});

test('places are looked at once while nothing changes, and ever more rarely where a race is known', () => {
  for (let round = 0; round < 1000; round++)
    for (const i of [0, 1])
      thread(i)
        .read({ held: [LOCK] })
        .write({ held: [LOCK] });
  expect(thread(0).captures).toBeLessThan(4);
  for (let round = 0; round < 100_000; round++) thread(round % 2).write({ site: 2 });
  /* Its place 2 with place 1 of the other, then with place 2. */
  expect(told()).toHaveLength(2);
  expect(thread(0).captures + thread(1).captures).toBeLessThan(200);
});

test('against a plain model: told are pairs without a common lock, and every cell that Eraser finds, where each is still remembered', () => {
  const access = fc.record({
    who: fc.integer({ min: 0, max: 1 }),
    isWrite: fc.boolean(),
    held: fc.uniqueArray(fc.integer({ min: 1, max: 2 })),
  });
  let races = 0;
  fc.assert(
    fc.property(fc.array(access, { maxLength: 10 }), (accesses) => {
      memory = RaceMemory.create();
      const subjects = [new SubjectThread(0), new SubjectThread(1)];
      let candidates: readonly number[] | undefined;
      let owner = -1;
      let isWritten = false;
      let expected = 0;
      /* Of each thread the newest access that stands for others: a read does not take a like write's place. */
      const newest: (typeof access extends fc.Arbitrary<infer T> ? T | undefined : never)[] = [undefined, undefined];
      for (const { who, isWrite, held } of accesses) {
        (subjects[who] as SubjectThread).touch(isWrite, { held });
        if (owner === -1) owner = who;
        if (owner !== who || candidates !== undefined) {
          const before = candidates ?? held;
          candidates = held.filter((id) => before.includes(id));
          isWritten ||= isWrite;
        }
        const other = newest[1 - who];
        const isPair = other !== undefined && (other.isWrite || isWrite) && !held.some((id) => other.held.includes(id));
        if (candidates?.length === 0 && isWritten && isPair) expected = 1;
        const mine = newest[who];
        const isLike = mine?.held.length === held.length && held.every((id) => mine.held.includes(id));
        if (!(isLike && mine.isWrite && !isWrite)) newest[who] = { who, isWrite, held };
      }
      const found = subjects.flatMap((subject) => subject.told);
      expect(found).toHaveLength(expected);
      races += expected;
    }),
    { numRuns: 1000 },
  );
  expect(races).toBeGreaterThan(50);
});
