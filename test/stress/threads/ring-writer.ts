/** A thread that offers numbered records to the ring of its own slot as fast as it can, with random pauses. */
import { parentPort, workerData } from 'node:worker_threads';
import { ControlMemory } from '../../../agent/shared-memory/layout.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';
import { recordOf } from '../records.ts';

const { buffer, seed, index, offers } = workerData as ThreadData & { readonly offers: number };
const random = new Random(seed);
const memory = ControlMemory.attach(buffer);
if (memory === undefined) throw new Error('no control buffer');
const writer = new RingWriter(memory, index);

let published = 0;
for (let n = 1; n <= offers; n++) {
  const { number, startNs, durationNs, context } = recordOf(n);
  if (writer.offer(RecordKind.GC, number, startNs, durationNs, context)) published++;
  random.pause();
}
parentPort?.postMessage(published);
