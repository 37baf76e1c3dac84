/**
 * Slots under real threads: eight claim them as fast as they can while the agent thread reads each and gives it back. No
 * two have one slot, each finds it clear, and what is read of it is the identity of one claimer (R1, R2, R3).
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ControlMemory, HEADER, SlotPhase } from '../../agent/shared-memory/layout.ts';
import { readSlot, releaseSlot, scanSlots } from '../../agent/shared-memory/registry.ts';
import { type Counted, Outcomes } from '../support/outcomes.ts';
import { startThreads } from '../support/threads.ts';

const CLAIMERS = 8;
const CLAIMS = 20_000;

test('R1, R2, R3: slots claimed by eight threads and given back by one', async () => {
  const memory = ControlMemory.create(0);
  const outcomes = new Outcomes('slots');
  const scan = (): void => {
    scanSlots(memory, (slot) => {
      const seen = readSlot(memory, slot);
      if (seen === undefined) {
        outcomes.acceptable('seen in the middle of a claim');
        return;
      }
      const { parentThreadId: id, name, claimedNs, phase } = seen;
      if (name !== `thread ${id}` || claimedNs !== id) outcomes.forbidden('identity', JSON.stringify(seen));
      if (phase !== SlotPhase.EXITING) return;
      const { threadId, osThreadId, startedNs, endedNs, exitCode } = seen;
      const isWhole = [threadId, osThreadId, startedNs, endedNs, exitCode].every((value) => value === id);
      if (!isWhole) outcomes.forbidden('life', JSON.stringify(seen));
      releaseSlot(memory, seen);
      outcomes.acceptable('given back');
    });
  };

  const threads = startThreads(CLAIMERS, new URL('threads/claimer.ts', import.meta.url), memory.buffer, () => ({
    claims: CLAIMS,
  }));
  await Promise.all(threads.map(async ({ message }) => message()));
  const over = new AbortController();
  const counted = Promise.all(threads.map(async ({ message }) => message())).finally(() => over.abort());
  while (!over.signal.aborted) {
    scan();
    await turnOfTheLoop();
  }
  for (const each of (await counted) as Counted[]) outcomes.add(each);
  await Promise.all(threads.map(async ({ gone }) => gone));
  scan();
  scanSlots(memory, (slot, _, phase) => outcomes.forbidden('leaked', `slot ${slot} in phase ${phase}`));
  outcomes.report('whole life', 'given back');
  expect(outcomes.count('given back')).toBe(outcomes.count('whole life'));
  expect(memory.i32[HEADER.THREADS_DROPPED >> 2]).toBe(outcomes.count('no slot free'));
});
