/** 256 threads at once: each has a slot, a ring and a wait word of its own, read while all of them are blocked. */
import { expect, test } from 'vitest';
import { ControlMemory, SlotPhase } from '../../agent/shared-memory/layout.ts';
import { claimSlot, readSlot, releaseSlot, type SlotClaim, scanSlots } from '../../agent/shared-memory/registry.ts';
import { RingReader } from '../../agent/shared-memory/ring-reader.ts';
import { readWaitWord } from '../../agent/shared-memory/wait-word.ts';
import { eventually } from '../support/eventually.ts';
import { Outcomes } from '../support/outcomes.ts';
import { joinThread, startThread } from '../support/threads.ts';
import { wrongIn } from './records.ts';

const THREADS = 256;
const RECORDS = 100;
const NOW_NS = 1e12;

test('256 threads at once', async () => {
  const memory = ControlMemory.create(0);
  const outcomes = new Outcomes('crowd');
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const claims = Array.from({ length: THREADS }, (_, i) => {
    const identity = { parentThreadId: 0, file: '', nowNs: i + 1, spawnContext: undefined, spawnSite: '' };
    return claimSlot(memory, { ...identity, name: `member ${i + 1}` }) as SlotClaim;
  });
  const file = await joinThread(new URL('threads/member.ts', import.meta.url));
  const threads = claims.map((claim, index) => startThread(file, memory.buffer, index, { claim, gate }));
  await Promise.all(threads.map(async ({ message }) => message()));

  const osThreadIds = new Set<number>();
  for (const [i, { slot }] of claims.entries()) {
    const seen = readSlot(memory, slot);
    if (seen?.name !== `member ${i + 1}` || seen.threadId !== i + 1 || seen.phase !== SlotPhase.RUNNING)
      outcomes.forbidden('slot', JSON.stringify(seen));
    osThreadIds.add(seen?.osThreadId ?? 0);
    const wait = readWaitWord(memory, slot, NOW_NS);
    if (wait?.state !== 'parked' || wait.targetId !== i + 1 || wait.parkedNs !== NOW_NS - 1000)
      outcomes.forbidden('wait word', JSON.stringify(wait));
    new RingReader(memory, slot).drain(
      (record) => {
        const wrong = wrongIn(record);
        if (wrong === undefined) outcomes.acceptable('record');
        else outcomes.forbidden('torn', wrong);
      },
      () => NOW_NS,
    );
    outcomes.acceptable('thread');
  }
  if (process.platform === 'linux') expect(osThreadIds.size).toBe(THREADS);
  expect(outcomes.count('record')).toBe(THREADS * RECORDS);

  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  await eventually('all of them to be gone', async () => Promise.all(threads.map(async ({ gone }) => gone)), {
    deadlineMs: 60_000,
  });
  scanSlots(memory, (slot) => {
    const seen = readSlot(memory, slot);
    if (seen?.phase === SlotPhase.EXITING) releaseSlot(memory, seen);
    else outcomes.forbidden('ending', JSON.stringify(seen));
  });
  scanSlots(memory, (slot) => outcomes.forbidden('leaked', String(slot)));
  outcomes.report('thread', 'record');
});
