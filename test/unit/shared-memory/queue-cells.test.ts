/** The cells of queues (C1, C2 of `queue-cells.ts`): who has one, what is written there, and that it is found and given back. */
import { beforeEach, describe, expect, test } from 'vitest';
import { HISTOGRAM_BYTES } from '../../../agent/shared-memory/histogram.ts';
import { ControlMemory, HEADER, QUEUE_CELL_BYTES, QUEUE_CELLS } from '../../../agent/shared-memory/layout.ts';
import {
  claimQueueCell,
  QUEUE_CELL,
  type QueueKind,
  queueCellsOf,
  releaseQueueCell,
  scanQueueCells,
} from '../../../agent/shared-memory/queue-cells.ts';
import type { SlotClaim } from '../../../agent/shared-memory/registry.ts';

const MAIN: SlotClaim = { slot: 0, generation: 1 };
const WORKER: SlotClaim = { slot: 5, generation: 9 };
let memory: ControlMemory;

interface Found {
  readonly at: number;
  readonly owner: SlotClaim;
  readonly nameNumber: number;
  readonly kind: QueueKind;
}

function scan(): Found[] {
  const found: Found[] = [];
  scanQueueCells(memory, (at, owner, nameNumber, kind) => found.push({ at, owner, nameNumber, kind }));
  return found;
}

const word = (at: number, field: number): number => memory.i32[(at + field) >> 2] as number;
const double = (at: number, field: number): number => memory.f64[(at + field) >> 3] as number;

beforeEach(() => {
  memory = ControlMemory.create(0);
});

test('the fields follow one another, aligned to their widths, and end with the cell', () => {
  const histograms: readonly number[] = [QUEUE_CELL.WAITS, QUEUE_CELL.SERVICES];
  const doubles: readonly number[] = [QUEUE_CELL.OLDEST_SINCE_NS, QUEUE_CELL.BUSY_NS, QUEUE_CELL.BUSY_UNTIL_NS];
  let end = 0;
  for (const at of Object.values(QUEUE_CELL).toSorted((a, b) => a - b)) {
    const bytes = histograms.includes(at) ? HISTOGRAM_BYTES : doubles.includes(at) ? 8 : 4;
    expect(at).toBeGreaterThanOrEqual(end);
    expect(at % (bytes === 4 ? 4 : 8)).toBe(0);
    end = at + bytes;
  }
  expect(end).toBeLessThanOrEqual(QUEUE_CELL_BYTES);
});

describe('C1: a cell', () => {
  test('is found with its owner, its name and its kind once it is claimed', () => {
    claimQueueCell(memory, MAIN, 12, 'pool');
    claimQueueCell(memory, WORKER, 16, 'connection_pool');
    expect(scan()).toEqual([
      { at: memory.queueCellAt(0), owner: MAIN, nameNumber: 12, kind: 'pool' },
      { at: memory.queueCellAt(1), owner: WORKER, nameNumber: 16, kind: 'connection_pool' },
    ]);
    expect(queueCellsOf(memory, WORKER.slot)).toEqual([memory.queueCellAt(1)]);
  });

  test('that was given back is zeroed, and the next one’s', () => {
    const cell = claimQueueCell(memory, WORKER, 12, 'pool');
    cell?.add(QUEUE_CELL.ARRIVALS, 7);
    cell?.waits.record(1e6);
    cell?.addActive(1, 5);
    const [at = -1] = queueCellsOf(memory, WORKER.slot);
    releaseQueueCell(memory, at);
    expect(scan()).toEqual([]);
    expect(memory.u8.subarray(at, at + QUEUE_CELL_BYTES).every((byte) => byte === 0)).toBe(true);
    claimQueueCell(memory, MAIN, 20, 'task_queue');
    expect(scan()).toEqual([{ at, owner: MAIN, nameNumber: 20, kind: 'task_queue' }]);
  });

  test('whose claimer died before it was whole is not shown, but found by who gives it back', () => {
    claimQueueCell(memory, MAIN, 12, 'pool');
    const at = memory.queueCellAt(0);
    memory.i32[(at + QUEUE_CELL.KIND) >> 2] = 0;
    expect(scan()).toEqual([]);
    expect(queueCellsOf(memory, MAIN.slot)).toEqual([at]);
  });

  test('is not there for everyone: who gets none is counted', () => {
    for (let i = 0; i < QUEUE_CELLS; i++) memory.i32[memory.queueCellAt(i) >> 2] = 1;
    expect(claimQueueCell(memory, WORKER, 1, 'pool')).toBeUndefined();
    expect(claimQueueCell(memory, WORKER, 2, 'pool')).toBeUndefined();
    expect(memory.i32[HEADER.QUEUES_DROPPED >> 2]).toBe(2);
  });

  test('that nobody has ever claimed is never looked at', () => {
    memory.i32[memory.queueCellAt(3) >> 2] = 1;
    memory.i32[(memory.queueCellAt(3) + QUEUE_CELL.KIND) >> 2] = 1;
    expect(scan()).toEqual([]);
    claimQueueCell(memory, MAIN, 1, 'pool');
    expect(scan()).toHaveLength(1);
  });
});

test('counts add up, and the time worked is that of all who worked', () => {
  const cell = claimQueueCell(memory, MAIN, 1, 'pool');
  const at = memory.queueCellAt(0);
  cell?.add(QUEUE_CELL.SIZE, 3);
  cell?.add(QUEUE_CELL.SIZE, -1);
  cell?.setOldestSince(77);
  expect([word(at, QUEUE_CELL.SIZE), double(at, QUEUE_CELL.OLDEST_SINCE_NS)]).toEqual([2, 77]);
  cell?.addActive(1, 100);
  cell?.addActive(1, 150);
  cell?.addActive(-1, 200);
  cell?.addActive(-1, 300);
  cell?.addActive(1, 900);
  /* 1 x 50 + 2 x 50 + 1 x 100, and nobody until 900. */
  expect([double(at, QUEUE_CELL.BUSY_NS), double(at, QUEUE_CELL.BUSY_UNTIL_NS)]).toEqual([250, 900]);
  expect(word(at, QUEUE_CELL.ACTIVE)).toBe(1);
});

test('scribbled on: a scan never throws, and shows kinds that there are', () => {
  claimQueueCell(memory, MAIN, 1, 'pool');
  for (const kind of [-1, 99, 0x7fffffff, -0x80000000]) {
    memory.i32[(memory.queueCellAt(0) + QUEUE_CELL.KIND) >> 2] = kind;
    expect(scan()).toEqual([]);
  }
  memory.i32[HEADER.QUEUE_CELLS_HIGH >> 2] = 0x7fffffff;
  expect(() => scan()).not.toThrow();
});
