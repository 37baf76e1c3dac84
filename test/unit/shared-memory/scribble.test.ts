/**
 * A program can scribble on shared memory. Whatever bits stand in the header, in a slot or in a ring, no reader throws,
 * none goes on without end, and a thread that records goes on recording.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { answer, ring, untilRung } from '../../../agent/shared-memory/doorbell.ts';
import { HISTOGRAM_BYTES, HistogramReader, HistogramTotal } from '../../../agent/shared-memory/histogram.ts';
import {
  ControlMemory,
  FILE_FIELD_BYTES,
  NAME_FIELD_BYTES,
  RING_RECORDS,
  SLOT,
  SLOT_COUNT,
  SlotPhase,
} from '../../../agent/shared-memory/layout.ts';
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
      expect(ringReader.drain(() => {}, NOW_NS)).toBeLessThanOrEqual(RING_RECORDS);
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
