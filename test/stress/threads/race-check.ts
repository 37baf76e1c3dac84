/**
 * One thread of the race check's stress test: touches cells that have a lock under it, and planted ones under none, or under one of its own; then, at the same
 * time as another thread and only once, cells that have none. Runs as a worker without the agent.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { RaceCheck } from '../../../agent/app-thread/sync/race-check.ts';
import { holderWord } from '../../../agent/shared-memory/lock-word.ts';
import { RaceMemory } from '../../../agent/shared-memory/race-memory.ts';
import { ShadowCells } from '../../../agent/shared-memory/shadow-cells.ts';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';

export const GUARDED = 48;
export const PLANTED = 16;
/** The cells that two threads touch once each, one after the other. */
export const ONCE_FROM = 64;
export const ONCE_TO = 1024;
const LOCKS = 8;
const ACCESSES = 30_000;

export interface RaceData extends ThreadData {
  /** How many of the two threads have come to each cell. */
  readonly arrivals: Int32Array;
}

/** The cells of the races that this thread told of. */
export interface RaceReport {
  readonly told: readonly number[];
}

function run({ buffer, seed, index, arrivals }: RaceData): RaceReport {
  const memory = RaceMemory.attach(buffer);
  if (memory === undefined) throw new Error('no race memory');
  const identity = { lockId: 1, bufferBytes: 4096, cellBytes: 4, name: '', owner: 0, own: 0 };
  const shadow = ShadowCells.find(memory, identity);
  if (shadow === undefined) throw new Error('no room');
  const random = new Random(seed);
  const told: number[] = [];
  let held: readonly number[] = [];
  let cell = 0;
  const check = new RaceCheck(memory, {
    holderWord: holderWord(index, 1),
    isOver: () => false,
    isGone: () => false,
    activeTraceIds: () => undefined,
    /* Each cell is a place of its own, so that each race is told. */
    capture: () => ({ siteNumber: cell + 1, stackNumber: 0 }),
    nowNs: () => 0,
    record: (race) => told.push(race.index),
  });
  const cells = { lockId: 1, classKey: -1, shadow, firstCell: 0, heldIds: () => held, fruitless: 0 };
  for (let access = 0; access < ACCESSES; access++) {
    cell = random.below(GUARDED + PLANTED);
    /* Beside the lock of the cell there may be another one, which all have some time: it is none of the cell's. */
    const others = random.below(2) === 0 ? [] : [100 + random.below(3)];
    if (cell < GUARDED) held = [1 + (cell % LOCKS), ...others];
    else held = random.below(2) === 0 ? [] : [1000 + index];
    check.touch(cells, cell, random.below(2) === 0, false);
    random.pause();
  }
  held = [];
  if (index >= 2) return { told };
  for (cell = ONCE_FROM; cell < ONCE_TO; cell++) {
    Atomics.add(arrivals, cell, 1);
    while (Atomics.load(arrivals, cell) < 2);
    check.touch(cells, cell, true, false);
  }
  return { told };
}

parentPort?.postMessage(run(workerData as RaceData));
