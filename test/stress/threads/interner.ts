/** A thread that interns the same texts as all others, in an order of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { ControlMemory } from '../../../agent/shared-memory/layout.ts';
import { internName, lookUpName } from '../../../agent/shared-memory/names.ts';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';

const { buffer, seed, texts } = workerData as ThreadData & { readonly texts: number };
const random = new Random(seed);
const memory = ControlMemory.attach(buffer);
if (memory === undefined) throw new Error('no control buffer');

const order = Array.from({ length: texts }, (_, i) => i);
for (let i = order.length - 1; i > 0; i--) {
  const j = random.below(i + 1);
  [order[i], order[j]] = [order[j] as number, order[i] as number];
}
const numbers = new Array<number>(texts).fill(0);
const torn: string[] = [];
for (const i of order) {
  const text = `app/file-${i}.js:${i}`;
  const number = internName(memory, text);
  numbers[i] = number;
  if (lookUpName(memory, number) !== text) torn.push(text);
  random.pause();
}
parentPort?.postMessage({ numbers, torn });
