/** How long items wait in a channel, as the thread that receives them tells it: by name, of each item once, and only while somebody wants to know. */
import { afterAll, beforeEach, expect, test } from 'vitest';
import { setLockLink } from '../../../../agent/app-thread/lock-link.ts';
import { Recorder } from '../../../../agent/app-thread/recorder.ts';
import { Channel } from '../../../../agent/app-thread/sync/index.ts';
import { lockThread } from '../../../../agent/app-thread/sync/lock-thread.ts';
import { featureBits } from '../../../../agent/config/feature-bits.ts';
import { HistogramReader, HistogramTotal } from '../../../../agent/shared-memory/histogram.ts';
import { ControlMemory, HEADER, QUEUE_CELLS } from '../../../../agent/shared-memory/layout.ts';
import { lookUpName } from '../../../../agent/shared-memory/names.ts';
import { QUEUE_CELL, scanQueueCells } from '../../../../agent/shared-memory/queue-cells.ts';
import { attachSlot, claimSlot } from '../../../../agent/shared-memory/registry.ts';

let memory: ControlMemory;
let names = 0;
const channelNamed = (name: string): Channel<number> => new Channel(name, { capacity: 8, itemBytes: 8 });

/** Attaches the test's thread to a recorder, as the agent's preload does. */
function attach(): void {
  const { memory: locks } = lockThread();
  memory = ControlMemory.create(locks.baseS);
  const identity = { parentThreadId: 0, name: 'main', file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
  const claim = claimSlot(memory, identity);
  if (claim === undefined || !attachSlot(memory, claim, 0, 0)) throw new Error('no slot');
  setLockLink(locks.views.buffer, {
    recorder: new Recorder(memory, claim),
    config: { stacks: 'off' } as never,
    tell: () => {},
    beforeWait: () => {},
    blockListeners: [],
    atomics: Atomics,
  });
}

/** The cells there are: `name kind`, with the number of waits in each. */
function waits(): Record<string, number> {
  const found: Record<string, number> = {};
  scanQueueCells(memory, (at, _, nameNumber, kind) => {
    const total = new HistogramTotal('waits');
    new HistogramReader(memory.buffer, at + QUEUE_CELL.WAITS).addNewTo(total);
    found[`${lookUpName(memory, nameNumber)} ${kind}`] = total.counts.reduce((sum, count) => sum + count, 0);
  });
  return found;
}

beforeEach(attach);
afterAll(() => setLockLink(lockThread().memory.views.buffer, undefined));

test('each item is told of once, by the name of its channel', async () => {
  const name = `jobs ${names++}`;
  const jobs = channelNamed(name);
  for (let i = 0; i < 5; i++) jobs.send(i);
  jobs.receive();
  jobs.tryReceive();
  await jobs.receiveAsync();
  expect(waits()).toEqual({ [`${name} channel`]: 3 });
  for (const _ of [1, 2]) channelNamed(name).receive();
  expect(jobs.tryReceive()).toBeUndefined();
  expect(waits()).toEqual({ [`${name} channel`]: 5 });
});

test('an item that was sent while nobody observed has no time, and is not told of', () => {
  const name = `jobs ${names++}`;
  const jobs = channelNamed(name);
  setLockLink(lockThread().memory.views.buffer, undefined);
  jobs.send(1);
  attach();
  jobs.send(2);
  expect([jobs.receive(), jobs.receive()]).toEqual([1, 2]);
  expect(waits()).toEqual({ [`${name} channel`]: 1 });
});

test('while queues are switched off nothing is told, and afterwards it is again', () => {
  const name = `jobs ${names++}`;
  const jobs = channelNamed(name);
  memory.i32[HEADER.FEATURES_OFF >> 2] = featureBits(['queues']);
  jobs.send(1);
  jobs.receive();
  expect(waits()).toEqual({});
  memory.i32[HEADER.FEATURES_OFF >> 2] = 0;
  jobs.send(2);
  jobs.receive();
  expect(waits()).toEqual({ [`${name} channel`]: 1 });
});

test('where there is no cell the channel works as ever', () => {
  for (let cell = 0; cell < QUEUE_CELLS; cell++) memory.i32[memory.queueCellAt(cell) >> 2] = 1;
  const jobs = channelNamed(`jobs ${names++}`);
  jobs.send(7);
  expect(jobs.receive()).toBe(7);
  jobs.send(8);
  expect(jobs.receive()).toBe(8);
  expect(memory.i32[HEADER.QUEUES_DROPPED >> 2]).toBe(1);
});
