/** A thread that records and asks for a flush, again and again; told that it is done, it looks whether that is true. */
import { parentPort, workerData } from 'node:worker_threads';
import { flushBlocking } from '../../../agent/app-thread/flush.ts';
import { ControlMemory } from '../../../agent/shared-memory/layout.ts';
import type { Counted } from '../../support/outcomes.ts';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';

const { buffer, seed, index, flushes, recorded, delivered } = workerData as ThreadData & {
  readonly flushes: number;
  readonly recorded: Int32Array;
  readonly delivered: Int32Array;
};
const random = new Random(seed);
const memory = ControlMemory.attach(buffer);
if (memory === undefined) throw new Error('no control buffer');

/** A wake-up that is lost is made good by the next look, a slice later. */
const SLICE_MS = 100;

let prompt = 0;
let late = 0;
const forbidden: [string, string][] = [];
for (let n = 1; n <= flushes; n++) {
  Atomics.store(recorded, index, n);
  const startedMs = performance.now();
  if (!flushBlocking(memory, 20_000)) {
    forbidden.push(['not answered', `flush ${n} after ${performance.now() - startedMs} ms`]);
    continue;
  }
  const found = Atomics.load(delivered, index);
  if (found < n) forbidden.push(['not delivered', `${found} of ${n}`]);
  else if (performance.now() - startedMs < SLICE_MS) prompt++;
  else late++;
  random.pause();
}
const counted: Counted = {
  acceptable: [
    ['delivered', prompt],
    ['delivered late', late],
  ],
  forbidden,
};
parentPort?.postMessage(counted);
