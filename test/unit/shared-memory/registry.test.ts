/** Thread slots on one thread: claims, lives and what is read of them. Their races are explored in `model/`. */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  ControlMemory,
  FILE_FIELD_BYTES,
  HEADER,
  NAME_FIELD_BYTES,
  SLOT,
  SLOT_COUNT,
  SlotPhase,
} from '../../../agent/shared-memory/layout.ts';
import {
  abandonClaim,
  attachSlot,
  type ClaimIdentity,
  claimSlot,
  ExitKind,
  markExiting,
  markRunning,
  readSlot,
  readTraceIds,
  releaseSlot,
  type SlotClaim,
  scanSlots,
  type TraceIds,
  writeTraceIds,
} from '../../../agent/shared-memory/registry.ts';

let memory = ControlMemory.create(0);
const spawnContext: TraceIds = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
};
const identity: ClaimIdentity = {
  parentThreadId: 0,
  name: 'resizer',
  file: '/app/resize.js',
  nowNs: 1000,
  spawnContext,
  spawnSite: 'app.js:12',
};

beforeEach(() => {
  memory = ControlMemory.create(0);
});

function claim(of: Partial<ClaimIdentity> = {}): SlotClaim {
  const claimed = claimSlot(memory, { ...identity, ...of });
  if (claimed === undefined) expect.unreachable('no slot');
  return claimed;
}

function slotsInUse(): number[] {
  const slots: number[] = [];
  scanSlots(memory, (slot) => slots.push(slot));
  return slots;
}

/** All words of a slot but its state word. */
function wordsOf(slot: number): Int32Array {
  const at = memory.slotAt(slot, 0) >> 2;
  return memory.i32.subarray(at + 1, at + (memory.slotAt(1, 0) - memory.slotAt(0, 0)) / 4);
}

describe('the life of a slot', () => {
  test('R3: from its claim on its identity can be read', () => {
    const claimed = claim();
    expect(readSlot(memory, claimed.slot)).toEqual({
      slot: 0,
      generation: 1,
      phase: SlotPhase.CLAIMED,
      threadId: -1,
      osThreadId: 0,
      parentThreadId: 0,
      name: 'resizer',
      file: '/app/resize.js',
      claimedNs: 1000,
      startedNs: 0,
      endedNs: 0,
      exitKind: ExitKind.NONE,
      exitCode: 0,
      spawnContext,
      spawnSite: 'app.js:12',
      isTerminated: false,
    });
  });

  test('it is attached, runs and exits, and each can be read', () => {
    const claimed = claim();
    expect(attachSlot(memory, claimed, 12, 3456)).toBe(true);
    expect(readSlot(memory, claimed.slot)?.phase).toBe(SlotPhase.ATTACHED);
    markRunning(memory, claimed, 5000);
    expect(readSlot(memory, claimed.slot)).toMatchObject({
      phase: SlotPhase.RUNNING,
      threadId: 12,
      osThreadId: 3456,
      startedNs: 5000,
    });
    markExiting(memory, claimed, ExitKind.UNCAUGHT, 7, 9000);
    expect(readSlot(memory, claimed.slot)).toMatchObject({
      phase: SlotPhase.EXITING,
      exitKind: ExitKind.UNCAUGHT,
      exitCode: 7,
      endedNs: 9000,
    });
  });

  test('R2: what is given back is zero but for its state word, and its next life is another generation', () => {
    const claimed = claim();
    attachSlot(memory, claimed, 12, 3456);
    memory.u8.fill(0xff, memory.slotAt(claimed.slot, SLOT.GC_HISTOGRAMS), memory.slotAt(claimed.slot + 1, 0));
    releaseSlot(memory, claimed);
    expect(wordsOf(claimed.slot).every((word) => word === 0)).toBe(true);
    expect(readSlot(memory, claimed.slot)).toBeUndefined();
    expect(claim()).toEqual({ slot: claimed.slot, generation: claimed.generation + 1 });
  });

  test('a thread whose slot has another life by now does not get it, and leaves it as it is', () => {
    const first = claim();
    releaseSlot(memory, first);
    const second = claim({ name: 'second' });
    attachSlot(memory, second, 2, 222);
    const before = wordsOf(second.slot).slice();
    expect(attachSlot(memory, first, 1, 111)).toBe(false);
    expect(wordsOf(second.slot)).toEqual(before);
  });

  test('the generation wraps around within its 24 bits', () => {
    const stateAt = memory.slotAt(0, SLOT.STATE) >> 2;
    memory.i32[stateAt] = (0xffffff << 8) | SlotPhase.FREE;
    const claimed = claim();
    expect(claimed).toEqual({ slot: 0, generation: 0 });
    releaseSlot(memory, claimed);
    memory.i32[stateAt] = (0xfffffe << 8) | SlotPhase.FREE;
    const last = claim();
    expect(last.generation).toBe(0xffffff);
    expect(attachSlot(memory, last, 1, 1)).toBe(true);
    expect(readSlot(memory, 0)?.generation).toBe(0xffffff);
  });

  test('R4: a claim that was never completed is taken back, a completed one is not', () => {
    const stateAt = memory.slotAt(0, SLOT.STATE) >> 2;
    memory.i32[stateAt] = (1 << 8) | SlotPhase.CLAIMING;
    memory.i32[memory.slotAt(0, SLOT.NAME) >> 2] = 3;
    expect(readSlot(memory, 0)).toBeUndefined();
    expect(abandonClaim(memory, { slot: 0, generation: 2 })).toBe(false);
    expect(abandonClaim(memory, { slot: 0, generation: 1 })).toBe(true);
    expect(slotsInUse()).toEqual([]);
    expect(wordsOf(0).every((word) => word === 0)).toBe(true);
    expect(abandonClaim(memory, claim())).toBe(false);
  });
});

describe('all slots', () => {
  test('R1: as many claims as there are slots, each another; the next thread is counted and runs without', () => {
    const claimed = Array.from({ length: SLOT_COUNT }, () => claim().slot);
    expect(new Set(claimed).size).toBe(SLOT_COUNT);
    expect(claimSlot(memory, identity)).toBeUndefined();
    expect(memory.i32[HEADER.THREADS_DROPPED >> 2]).toBe(1);
    releaseSlot(memory, { slot: 77, generation: 1 });
    expect(claim()).toEqual({ slot: 77, generation: 2 });
  });

  test('R1, R2: any order of claims, lives and ends leaves exactly the living', () => {
    const action = fc.oneof(fc.constant('claim' as const), fc.constant('run' as const), fc.nat({ max: 20 }));
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        memory = ControlMemory.create(0);
        const living: SlotClaim[] = [];
        for (const [i, what] of actions.entries()) {
          if (what === 'claim') {
            const claimed = claim({ name: `worker ${i}` });
            expect(living.map(({ slot }) => slot)).not.toContain(claimed.slot);
            expect(readSlot(memory, claimed.slot)).toMatchObject({ name: `worker ${i}`, startedNs: 0, threadId: -1 });
            living.push(claimed);
          } else if (what === 'run') {
            for (const one of living) {
              attachSlot(memory, one, i, i);
              markRunning(memory, one, i + 1);
            }
          } else if (living.length > 0) {
            const [ended] = living.splice(what % living.length, 1) as [SlotClaim];
            releaseSlot(memory, ended);
          }
          expect(slotsInUse()).toEqual(living.map(({ slot }) => slot).toSorted((a, b) => a - b));
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('texts', () => {
  const stored = (name: string, file: string): { name: string; file: string } | undefined => {
    const claimed = claim({ name, file });
    const slot = readSlot(memory, claimed.slot);
    releaseSlot(memory, claimed);
    return slot;
  };

  test('what fits is read as it was; of what does not fit the end, in whole characters', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 500 }),
      fc.string({ unit: fc.constantFrom('a', 'é', '語', '\u{1f9f5}'), maxLength: 500 }),
    );
    fc.assert(
      fc.property(text, text, (name, file) => {
        const read = stored(name, file);
        for (const [was, is, bytes] of [
          [name, read?.name ?? '', NAME_FIELD_BYTES - 4],
          [file, read?.file ?? '', FILE_FIELD_BYTES - 4],
        ] as const) {
          const whole = Buffer.from(was).toString();
          expect(whole.endsWith(is)).toBe(true);
          const sizeBytes = Buffer.byteLength(is);
          if (Buffer.byteLength(was) <= bytes) expect(is).toBe(whole);
          else expect(sizeBytes <= bytes && sizeBytes > bytes - 4).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('trace ids', () => {
  const at = (): number => memory.slotAt(0, SLOT.SPAWN_CONTEXT);
  const hex = (length: number): fc.Arbitrary<string> =>
    fc.string({ unit: fc.nat(15).map((digit) => digit.toString(16)), minLength: length, maxLength: length });

  test('are read as they were written; those of zeros only are none', () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.integer({ min: 0, max: 255 }), (traceId, spanId, traceFlags) => {
        writeTraceIds(memory, at(), { traceId, spanId, traceFlags });
        const isValid = !/^0+$/.test(traceId) && !/^0+$/.test(spanId);
        expect(readTraceIds(memory, at())).toEqual(isValid ? { traceId, spanId, traceFlags } : undefined);
      }),
    );
  });

  test('that were never written are none', () => {
    writeTraceIds(memory, at(), undefined);
    expect(readTraceIds(memory, at())).toBeUndefined();
    writeTraceIds(memory, at(), { traceId: '0'.repeat(32), spanId: '1'.repeat(16), traceFlags: 0 });
    expect(readTraceIds(memory, at())).toBeUndefined();
  });
});
