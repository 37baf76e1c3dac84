/**
 * A thread that goes on for ever: claims slots as a parent does, lives in them as a worker does, records, interns, rings,
 * and waits to be terminated in the middle of any of it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ring } from '../../../agent/shared-memory/doorbell.ts';
import { ControlMemory, SLOT } from '../../../agent/shared-memory/layout.ts';
import { internName } from '../../../agent/shared-memory/names.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import { attachSlot, claimSlot, ExitKind, markExiting, markRunning } from '../../../agent/shared-memory/registry.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';
import { WaitState, WaitWordWriter } from '../../../agent/shared-memory/wait-word.ts';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';
import { recordOf } from '../records.ts';

const { buffer, seed, index } = workerData as ThreadData;
const random = new Random(seed);
const memory = ControlMemory.attach(buffer);
if (memory === undefined) throw new Error('no control buffer');
parentPort?.postMessage('started');

/* Its slots name it as their parent, so that they can be told apart when it is dead. */
const identity = { parentThreadId: index + 1, file: '', nowNs: index + 1, spawnContext: undefined };
for (let n = 1; ; n++) {
  const claim = claimSlot(memory, { ...identity, name: `of ${index + 1}`, spawnSite: `app.js:${n % 500}` });
  if (claim === undefined) {
    random.pause();
    continue;
  }
  const signAt = memory.slotAt(claim.slot, SLOT.GC_HISTOGRAMS) >> 2;
  if (memory.i32[signAt] !== 0) parentPort?.postMessage(`slot ${claim.slot} was not clear`);
  memory.i32[signAt] = index + 1;
  random.pause();
  attachSlot(memory, claim, index + 1, n);
  markRunning(memory, claim, n);
  const writer = new RingWriter(memory, claim.slot);
  const waitWord = new WaitWordWriter(memory, claim.slot);
  for (let i = 1; i <= 20; i++) {
    const { number, startNs, durationNs, context } = recordOf(i);
    writer.offer(RecordKind.GC, number, startNs, durationNs, context);
    waitWord.begin(WaitState.PARKED, i, i * 1000);
    internName(memory, `file-${random.below(300)}.js`);
    waitWord.end(i * 1000 + 10);
  }
  ring(memory);
  if (memory.i32[signAt] !== index + 1) parentPort?.postMessage(`slot ${claim.slot} was shared`);
  markExiting(memory, claim, ExitKind.EXIT, 0, n);
}
