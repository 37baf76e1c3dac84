/** One thread of a crowd: is given a slot, attaches to it, records, and stays until all are there. */
import { parentPort, workerData } from 'node:worker_threads';
import { ControlMemory } from '../../../agent/shared-memory/layout.ts';
import { osThreadId } from '../../../agent/shared-memory/os-thread.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import {
  attachSlot,
  ExitKind,
  markExiting,
  markRunning,
  type SlotClaim,
} from '../../../agent/shared-memory/registry.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';
import { WaitState, WaitWordWriter } from '../../../agent/shared-memory/wait-word.ts';
import type { ThreadData } from '../../support/threads.ts';
import { recordOf } from '../records.ts';

const { buffer, index, claim, gate } = workerData as ThreadData & {
  readonly claim: SlotClaim;
  readonly gate: Int32Array;
};
const memory = ControlMemory.attach(buffer);
if (memory === undefined) throw new Error('no control buffer');
if (!attachSlot(memory, claim, index + 1, osThreadId())) throw new Error('the slot is not mine');
markRunning(memory, claim, index + 1);
const writer = new RingWriter(memory, claim.slot);
for (let n = 1; n <= 100; n++) {
  const { number, startNs, durationNs, context } = recordOf(n);
  writer.offer(RecordKind.GC, number, startNs, durationNs, context);
}
const waitWord = new WaitWordWriter(memory, claim.slot);
waitWord.begin(WaitState.PARKED, index + 1, 1000);
parentPort?.postMessage('there');
Atomics.wait(gate, 0, 0);
waitWord.end(2000);
markExiting(memory, claim, ExitKind.EXIT, 0, 3000);
