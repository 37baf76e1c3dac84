/** A thread that does a task with a lock so many times, and then sends what it has counted; without end where none is given, to be terminated. */
import { parentPort, workerData } from 'node:worker_threads';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';
import { DATA, type LockedKind, taskOf } from './lock-tasks.ts';

export interface LockUserData {
  readonly kind: LockedKind;
  readonly turns?: number;
}

const { buffer, seed, index, kind, turns } = workerData as ThreadData & LockUserData;
const acceptable = new Map<string, number>();
const forbidden = new Map<string, string>();
const isMortal = turns === undefined;
const tally = {
  acceptable: (outcome: string): void => void acceptable.set(outcome, (acceptable.get(outcome) ?? 0) + 1),
  forbidden: (outcome: string, first: string): void => {
    if (isMortal) parentPort?.postMessage([outcome, first]);
    else if (!forbidden.has(outcome)) forbidden.set(outcome, first);
  },
};
const task = taskOf(kind, { data: new Int32Array(buffer), random: new Random(seed), tally, index, isMortal });
parentPort?.postMessage('started');
/* All at once. */
if (!isMortal) Atomics.wait(new Int32Array(buffer), DATA.GATE, 0);
for (let turn = 0; turn < (turns ?? Number.POSITIVE_INFINITY); turn++) await task();
parentPort?.postMessage({ acceptable: [...acceptable], forbidden: [...forbidden] });
