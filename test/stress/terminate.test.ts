/**
 * Threads terminated at random moments, hundreds of them, while they claim and record: nothing is leaked, no slot is
 * shared with a living thread, and what the dead have left is whole (R1, R2, R4, Q1, W1).
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ControlMemory, SlotPhase } from '../../agent/shared-memory/layout.ts';
import { internName, lookUpName } from '../../agent/shared-memory/names.ts';
import { abandonClaim, readSlot, releaseSlot, scanSlots } from '../../agent/shared-memory/registry.ts';
import { RingReader } from '../../agent/shared-memory/ring-reader.ts';
import { readWaitWord } from '../../agent/shared-memory/wait-word.ts';
import { Outcomes } from '../support/outcomes.ts';
import { Random, runSeed } from '../support/random.ts';
import { joinThread, startThread, type TestThread } from '../support/threads.ts';
import { wrongIn } from './records.ts';

const KILLS = 200;
const AT_ONCE = 4;
const NOW_NS = 1e12;

test('R1, R2, R4, Q1, W1: threads terminated while they claim and record', async () => {
  const memory = ControlMemory.create(0);
  const outcomes = new Outcomes('terminations');
  const random = new Random(runSeed);
  const living = new Set<number>();
  const file = await joinThread(new URL('threads/mortal.ts', import.meta.url));

  /** What the agent thread does with a slot whose thread is gone. */
  const end = (slot: number): void => {
    const seen = readSlot(memory, slot);
    if (seen === undefined) return;
    const reader = new RingReader(memory, slot);
    let last = 0;
    reader.drain(
      (record) => {
        const wrong = wrongIn(record) ?? (record.startNs === last + 1 ? undefined : `${record.startNs} after ${last}`);
        last = record.startNs;
        if (wrong === undefined) outcomes.acceptable('record');
        else outcomes.forbidden('record', wrong);
      },
      () => NOW_NS,
    );
    reader.takeDropped((kind, count) => outcomes.forbidden('dropped', `${kind} ${count}`));
    const wait = readWaitWord(memory, slot, NOW_NS);
    const finished = wait === undefined ? -1 : wait.waits - (wait.state === 'none' ? 0 : 1);
    const goingOnNs = wait?.state === 'parked' ? NOW_NS - wait.sinceNs : 0;
    if (wait?.parkedNs === finished * 10 + goingOnNs) outcomes.acceptable(`wait word, ${wait.state}`);
    else outcomes.forbidden('wait word', JSON.stringify(wait));
    outcomes.acceptable(seen.phase === SlotPhase.EXITING ? 'gave notice' : 'died in use');
    releaseSlot(memory, seen);
  };

  /** Slots of living threads are left alone, but for those in which a life is over. */
  const sweep = (): void => {
    scanSlots(memory, (slot, _, phase) => {
      const seen = readSlot(memory, slot);
      if (seen === undefined) return;
      if (seen.name !== `of ${seen.parentThreadId}`) outcomes.forbidden('identity', JSON.stringify(seen));
      if (phase === SlotPhase.EXITING || !living.has(seen.parentThreadId)) end(slot);
    });
  };

  const kill = async (thread: TestThread, id: number): Promise<void> => {
    expect(await thread.message()).toBe('started');
    for (let turns = random.below(10); turns > 0; turns--) {
      sweep();
      await turnOfTheLoop();
    }
    await thread.worker.terminate();
    await thread.gone;
    living.delete(id);
    outcomes.acceptable('terminated');
    sweep();
  };

  let started = 0;
  const killInTurn = async (): Promise<void> => {
    while (started < KILLS) {
      const index = started++;
      living.add(index + 1);
      const thread = startThread(file, memory.buffer, index);
      thread.worker.on('message', (message) => {
        if (message !== 'started') outcomes.forbidden('slot', String(message));
      });
      await kill(thread, index + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, killInTurn));

  /* Only claims that were never completed are left; nobody lives who could complete them. */
  scanSlots(memory, (slot, generation, phase) => {
    if (phase !== SlotPhase.CLAIMING) outcomes.forbidden('leaked', `slot ${slot} in phase ${phase}`);
    else if (abandonClaim(memory, { slot, generation })) outcomes.acceptable('died in a claim');
  });
  const at = memory.slotAt(0, 0) >> 2;
  const words = memory.i32.subarray(at, memory.nameIndexAt >> 2);
  const wordsPerSlot = (memory.slotAt(1, 0) - memory.slotAt(0, 0)) >> 2;
  for (const [i, word] of words.entries()) {
    if (i % wordsPerSlot !== 0 && word !== 0) outcomes.forbidden('slot not clear', `word ${i} is ${word}`);
  }
  for (let i = 0; i < 300; i++) {
    if (lookUpName(memory, internName(memory, `file-${i}.js`)) !== `file-${i}.js`)
      outcomes.forbidden('name', String(i));
  }
  outcomes.report('terminated', 'record', 'gave notice');
  expect(outcomes.count('terminated')).toBe(KILLS);
});
