/**
 * A program can scribble on shared memory. Whatever bits stand in the header, in a slot or in a ring, no reader throws,
 * none goes on without end, and a thread that records goes on recording.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AsyncLock,
  AsyncLockTable,
  LOCK_MODES,
  readAsyncLocks,
} from '../../../agent/shared-memory/async-locks.ts';
import { cellsOf, claimClassCell, releaseClassCell, scanClassCells } from '../../../agent/shared-memory/class-cells.ts';
import { answer, ring, untilRung } from '../../../agent/shared-memory/doorbell.ts';
import { HISTOGRAM_BYTES, HistogramReader, HistogramTotal } from '../../../agent/shared-memory/histogram.ts';
import {
  ASYNC_LOCKS,
  CLASS_CELLS,
  ControlMemory,
  FILE_FIELD_BYTES,
  HEADER,
  NAME_FIELD_BYTES,
  RING_RECORDS,
  SLOT,
  SLOT_COUNT,
  SlotPhase,
} from '../../../agent/shared-memory/layout.ts';
import { isBlock, LOCK_KINDS, readIdentity, viewsOf } from '../../../agent/shared-memory/lock-block.ts';
import { holdersOf, sweepDead, wakeWaiters } from '../../../agent/shared-memory/lock-holders.ts';
import { LockMemory } from '../../../agent/shared-memory/lock-memory.ts';
import { holderWord } from '../../../agent/shared-memory/lock-word.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import {
  abandonClaim,
  attachSlot,
  claimSlot,
  markExiting,
  markRunning,
  readSlot,
  releaseSlot,
  scanSlots,
} from '../../../agent/shared-memory/registry.ts';
import { RingReader } from '../../../agent/shared-memory/ring-reader.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';
import { readWaitDetail } from '../../../agent/shared-memory/wait-detail.ts';
import { readWaitWord, WaitState, WaitWordWriter } from '../../../agent/shared-memory/wait-word.ts';

const NOW_NS = 1e12;
const HEADER_WORDS = 1024;
const memory = ControlMemory.create(0);
const slotWords = (memory.slotAt(1, 0) - memory.slotAt(0, 0)) / 4;

const anyWord = fc.oneof(fc.integer(), fc.integer({ min: -1, max: 8 }), fc.constantFrom(0x7fffffff, -0x80000000));
/** Words of the slot's fields, which all stand in its first kilobyte, more often than those of its histograms. */
const slotWord = fc.record({ at: fc.oneof(fc.nat(255), fc.nat(slotWords - 1)), value: anyWord });
const headerWord = fc.record({ at: fc.integer({ min: 4, max: HEADER_WORDS - 1 }), value: anyWord });
const scribbles = fc.record({
  slot: fc.array(slotWord, { maxLength: 300 }),
  header: fc.array(headerWord, { maxLength: 50 }),
  phase: fc.integer({ min: 0, max: 7 }),
});

interface Scribbles {
  readonly slot: readonly { at: number; value: number }[];
  readonly header: readonly { at: number; value: number }[];
  readonly phase: number;
}

function scribble({ slot, header, phase }: Scribbles): void {
  for (const { at, value } of slot) memory.i32[(memory.slotAt(0, 0) >> 2) + at] = value;
  for (const { at, value } of header) memory.i32[at] = value;
  const stateAt = memory.slotAt(0, SLOT.STATE) >> 2;
  memory.i32[stateAt] = ((memory.i32[stateAt] as number) & ~0xff) | phase;
}

test('what the agent thread reads of a slot is within its bounds', () => {
  fc.assert(
    fc.property(scribbles, (words) => {
      scribble(words);
      const slots: number[] = [];
      scanSlots(memory, (slot, generation, phase) => {
        slots.push(slot);
        expect(generation >= 0 && generation <= 0xffffff && phase > 0 && phase <= 0xff).toBe(true);
      });
      expect(slots.length).toBeLessThanOrEqual(SLOT_COUNT);
      const slot = readSlot(memory, 0);
      if (slot !== undefined) {
        expect(slot.phase >= SlotPhase.CLAIMED && slot.phase <= SlotPhase.EXITING).toBe(true);
        for (const ns of [slot.claimedNs, slot.startedNs, slot.endedNs]) expect(ns >= 0 && ns < 1e18).toBe(true);
        expect(slot.name.length).toBeLessThanOrEqual(NAME_FIELD_BYTES);
        expect(slot.file.length).toBeLessThanOrEqual(FILE_FIELD_BYTES);
        expect([0, 1, 2]).toContain(slot.exitKind);
        expect(slot.osThreadId).toBeGreaterThanOrEqual(0);
      }
      readWaitWord(memory, 0, NOW_NS);
      const ringReader = new RingReader(memory, 0);
      expect(
        ringReader.drain(
          () => {},
          () => NOW_NS,
        ),
      ).toBeLessThanOrEqual(RING_RECORDS);
      ringReader.takeDropped((_, count) => expect(count).toBeGreaterThan(0));
      const total = new HistogramTotal('gc');
      for (let type = 0; type < 4; type++) {
        const at = memory.slotAt(0, SLOT.GC_HISTOGRAMS) + type * HISTOGRAM_BYTES;
        new HistogramReader(memory.buffer, at).addNewTo(total);
      }
      expect(total.sumNs >= 0).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('a thread goes on recording, and its slot is given back whole', () => {
  fc.assert(
    fc.property(scribbles, (words) => {
      const claim = { slot: 0, generation: 5 };
      const writer = new RingWriter(memory, 0);
      const waitWord = new WaitWordWriter(memory, 0);
      scribble(words);
      attachSlot(memory, claim, 1, 1);
      markRunning(memory, claim, 1);
      for (let i = 0; i < 3; i++) writer.offer(RecordKind.GC, 0, 1, 1, undefined);
      waitWord.begin(WaitState.PARKED, 0, 1);
      waitWord.end(2);
      /* Its own words are its own again. */
      expect(readWaitWord(memory, 0, NOW_NS)).toMatchObject({ state: 'none', parkedNs: 1 });
      markExiting(memory, claim, 1, 0, 3);
      abandonClaim(memory, claim);
      releaseSlot(memory, claim);
      expect(readSlot(memory, 0)).toBeUndefined();
      const identity = { parentThreadId: 0, name: '', file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
      expect(claimSlot(memory, identity)?.slot).toBe(0);
      releaseSlot(memory, claim);
    }),
    { numRuns: 300 },
  );
});

test('a bell of any value is answered, and rings again', async () => {
  for (const value of [-1, 2, 0x7fffffff]) {
    memory.i32[128 >> 2] = value;
    ring(memory);
    expect(untilRung(memory)).toBeUndefined();
    answer(memory);
    const rung = untilRung(memory);
    ring(memory);
    await rung;
  }
});

const ASYNC_WORDS = 32;
const entryWord = fc.record({ at: fc.nat(ASYNC_WORDS * 8 - 1), value: anyWord });

test('of async locks and the detail of a wait what is read is within its bounds, and their thread goes on', () => {
  const lock: AsyncLock = {
    state: 1,
    activity: 1,
    parentActivity: 0,
    lockId: -1,
    kind: 'promise',
    mode: 'exclusive',
    isCertain: true,
    sinceNs: 5,
    classNumber: 0,
    siteNumber: 0,
    stackNumber: 0,
    instanceNumber: 0,
    context: undefined,
  };
  fc.assert(
    fc.property(fc.array(entryWord, { maxLength: 100 }), scribbles, (words, others) => {
      scribble(others);
      const table = new AsyncLockTable(memory, 0);
      const entry = table.open(lock);
      for (const { at, value } of words) memory.i32[(memory.asyncLocksAt(0) >> 2) + at] = value;
      const found = readAsyncLocks(memory, 0);
      expect(found.length).toBeLessThanOrEqual(ASYNC_LOCKS);
      for (const { state, kind, mode, sinceNs } of found) {
        expect([1, 2]).toContain(state);
        expect(LOCK_KINDS).toContain(kind);
        expect(LOCK_MODES).toContain(mode);
        expect(sinceNs > 0 && Number.isFinite(sinceNs)).toBe(true);
      }
      table.write(entry, lock);
      expect(readAsyncLocks(memory, 0)[0]).toEqual(lock);
      table.close(entry);
      for (const { value } of words) {
        const detail = readWaitDetail(memory, 0, value);
        expect(detail?.heldIds.length ?? 0).toBeLessThanOrEqual(5);
      }
    }),
    { numRuns: 300 },
  );
});

test('class cells are visited and given back whatever stands in them', () => {
  const cellWord = fc.record({ at: fc.nat(288 * 3 - 1), value: anyWord });
  fc.assert(
    fc.property(fc.array(cellWord, { maxLength: 60 }), anyWord, (words, high) => {
      claimClassCell(memory, { slot: 3, generation: 1 }, 1, 'promise', 'exclusive');
      for (const { at, value } of words) memory.i32[(memory.classCellAt(0) >> 2) + at] = value;
      memory.i32[HEADER.CLASS_CELLS_HIGH >> 2] = high;
      let visited = 0;
      scanClassCells(memory, (_, { slot }, __, kind, mode) => {
        visited++;
        expect(slot).toBeGreaterThanOrEqual(0);
        expect(LOCK_KINDS).toContain(kind);
        expect(LOCK_MODES).toContain(mode);
      });
      expect(visited).toBeLessThanOrEqual(CLASS_CELLS);
      for (const at of cellsOf(memory, 3)) releaseClassCell(memory, at);
      expect(cellsOf(memory, 3)).toEqual([]);
      memory.u8.fill(0, memory.classCellAt(0), memory.classCellAt(3));
      memory.i32[HEADER.CLASS_CELLS_HIGH >> 2] = 0;
    }),
    { numRuns: 200 },
  );
});

test('lock memory: blocks and threads may say anything; what is read is a block within its buffer', () => {
  const locks = LockMemory.create();
  const { views } = locks;
  const NAMES = ['a', 'b', 'c'];
  const KINDS = ['mutex', 'rwlock', 'semaphore', 'condition', 'barrier'] as const;
  const word = fc.record({ part: fc.nat(3), at: fc.nat(1200), value: anyWord });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 120 }), fc.constantFrom(...KINDS), (words, kind) => {
      const identity = { kind, bytes: 16384, numberA: 4, numberB: 0 };
      const blocks = NAMES.map((name) => locks.findOrCreate({ ...identity, name }, () => {}));
      /* The header after its magic, the threads, the directory, the blocks. */
      const starts = [3, 4096 >> 2, 36864 >> 2, (blocks[0] ?? 69632) >> 2];
      for (const { part, at, value } of words) {
        const start = starts[part] as number;
        views.i32[start + (part === 0 ? at % 60 : at)] = value;
      }
      expect(locks.threadsHigh).toBeLessThanOrEqual(512);
      const dead = holderWord(1, 1);
      locks.forEachBlock((blockAt) => {
        expect(isBlock(views, blockAt)).toBe(true);
        const found = readIdentity(views, blockAt);
        expect(LOCK_KINDS).toContain(found?.kind);
        expect(found?.name.length ?? 0).toBeLessThanOrEqual(156);
        expect(holdersOf(views, blockAt, locks).length).toBeLessThanOrEqual(1100);
        sweepDead(views, blockAt, locks, dead);
        wakeWaiters(views, blockAt);
      });
      for (const name of [...NAMES, 'd']) locks.findOrCreate({ ...identity, name }, () => {});
      views.u8.fill(0, 12, 4096);
      views.u8.fill(0, 36864, 36864 + 8192 * 4);
      views.u8.fill(0, 69632, 69632 + 4 * 16384);
    }),
    { numRuns: 200 },
  );
});

test("a program's own buffer: an offset outside of it, or a block that does not fit, is no block", () => {
  const views = viewsOf(new SharedArrayBuffer(4096));
  fc.assert(
    fc.property(fc.oneof(fc.integer(), fc.double()), fc.array(anyWord, { maxLength: 40 }), (blockAt, words) => {
      for (const [at, value] of words.entries()) views.i32[16 + at] = value;
      const found = readIdentity(views, blockAt);
      if (found !== undefined) expect(blockAt + found.bytes).toBeLessThanOrEqual(4096);
    }),
    { numRuns: 500 },
  );
});
