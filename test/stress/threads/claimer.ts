/**
 * A thread that claims slots for threads of its own, lives their whole lives in them, and hands them to the agent thread.
 * Whoever else wrote to a slot meanwhile would show: it signs each of its slots and reads its signature again.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ControlMemory, SLOT } from '../../../agent/shared-memory/layout.ts';
import { attachSlot, claimSlot, ExitKind, markExiting, markRunning } from '../../../agent/shared-memory/registry.ts';
import type { Counted } from '../../support/outcomes.ts';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';

const { buffer, seed, index, claims } = workerData as ThreadData & { readonly claims: number };
const random = new Random(seed);
const memory = ControlMemory.attach(buffer);
if (memory === undefined) throw new Error('no control buffer');

let whole = 0;
let without = 0;
const forbidden: [string, string][] = [];
parentPort?.postMessage('started');

for (let n = 1; n <= claims; n++) {
  const id = index * 0x1000000 + n;
  const identity = { parentThreadId: id, file: '', nowNs: id, spawnContext: undefined, spawnSite: '' };
  const claim = claimSlot(memory, { ...identity, name: `thread ${id}` });
  if (claim === undefined) {
    without++;
    random.pause();
    continue;
  }
  const signAt = memory.slotAt(claim.slot, SLOT.GC_HISTOGRAMS) >> 2;
  if (memory.i32[signAt] !== 0) forbidden.push(['slot not clear', `${memory.i32[signAt]} for ${id}`]);
  memory.i32[signAt] = id;
  random.pause();
  if (!attachSlot(memory, claim, id, id)) forbidden.push(['slot lost', String(id)]);
  markRunning(memory, claim, id);
  random.pause();
  if (memory.i32[signAt] !== id) forbidden.push(['slot shared', `${memory.i32[signAt]} for ${id}`]);
  else whole++;
  markExiting(memory, claim, ExitKind.EXIT, id, id);
}

const counted: Counted = {
  acceptable: [
    ['whole life', whole],
    ['no slot free', without],
  ],
  forbidden,
};
parentPort?.postMessage(counted);
