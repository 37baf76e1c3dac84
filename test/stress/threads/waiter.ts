/**
 * A thread that begins and ends waits as fast as it can, in three states in turn. The n-th wait begins at `n * 1000` ns,
 * ends 10 ns later and is for target n, so that a reader can tell what each word must be.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ControlMemory } from '../../../agent/shared-memory/layout.ts';
import { type WaitState, WaitWordWriter } from '../../../agent/shared-memory/wait-word.ts';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';

const { buffer, seed, index, waits } = workerData as ThreadData & { readonly waits: number };
const random = new Random(seed);
const memory = ControlMemory.attach(buffer);
if (memory === undefined) throw new Error('no control buffer');
const writer = new WaitWordWriter(memory, index);

for (let n = 1; n <= waits; n++) {
  writer.begin((1 + (n % 3)) as WaitState, n, n * 1000);
  random.pause();
  writer.end(n * 1000 + 10);
  random.pause();
}
parentPort?.postMessage(waits);
