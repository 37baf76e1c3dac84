/** What is told of the threads' memory, and when it is left out. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Heaps, type ThreadHeap } from '../../../../agent/agent-thread/model/heaps.ts';
import {
  emptyHeapSample,
  HEAP_SPACES,
  type HeapSpace,
  writeHeapSample,
} from '../../../../agent/shared-memory/heap-words.ts';
import { ControlMemory, SLOT } from '../../../../agent/shared-memory/layout.ts';
import { collectFrom, only, type Written } from '../../../support/recording-sink.ts';

const S = 1e9;

let nowNs: number;
let memory: ControlMemory;
let heaps: Heaps;

beforeEach(() => {
  nowNs = 100 * S;
  memory = ControlMemory.create(0);
  heaps = new Heaps({ memory, nowNs: () => nowNs });
});

function open(slot: number, name: string, activeUntilNs: ThreadHeap['activeUntilNs'] = (atNs) => atNs): ThreadHeap {
  return heaps.open(slot, name, activeUntilNs);
}

function write(
  slot: number,
  spaces: Partial<Record<HeapSpace, [size: number, used: number]>>,
  allocatedBytes = 0,
): void {
  const sample = { ...emptyHeapSample(), sampledNs: nowNs, limitBytes: 4000, externalBytes: 30, arrayBuffersBytes: 20 };
  sample.allocatedBytes = allocatedBytes;
  for (const [space, [size, usedSize]] of Object.entries(spaces)) {
    sample.sizeBytes[HEAP_SPACES.indexOf(space as HeapSpace)] = size;
    sample.usedBytes[HEAP_SPACES.indexOf(space as HeapSpace)] = usedSize;
  }
  writeHeapSample(memory, slot, sample);
}

function used(written: Written): Written {
  return only(written, 'v8js.memory.heap.used');
}

describe('Heaps', () => {
  test('of the main thread every space is told that was ever used', () => {
    open(0, 'main');
    write(0, { new_space: [16, 9], old_space: [50, 40], code_space: [8, 7] });
    const written = collectFrom(heaps);
    expect(used(written)).toEqual({
      'thread.name=main,v8js.heap.space.name=new_space': 9,
      'thread.name=main,v8js.heap.space.name=old_space': 40,
      'thread.name=main,v8js.heap.space.name=code_space': 7,
    });
    expect(only(written, 'v8js.memory.heap.space.size')).toMatchObject({
      'thread.name=main,v8js.heap.space.name=new_space': 16,
    });
    expect(written).toMatchObject({
      'gridwatch.thread.heap.limit{thread.name=main}': 4000,
      'gridwatch.thread.memory.external{thread.name=main}': 30,
      'gridwatch.thread.memory.array_buffers{thread.name=main}': 20,
    });
    write(0, { new_space: [16, 9], old_space: [50, 40] });
    expect(used(collectFrom(heaps))).toHaveProperty(['thread.name=main,v8js.heap.space.name=code_space'], 0);
  });

  test('of a worker the two that matter, and the others together', () => {
    open(3, 'pool');
    write(3, {
      new_space: [16, 9],
      old_space: [50, 40],
      code_space: [8, 7],
      large_object_space: [6, 5],
      _OTHER: [1, 1],
    });
    expect(used(collectFrom(heaps))).toEqual({
      'thread.name=pool,v8js.heap.space.name=new_space': 9,
      'thread.name=pool,v8js.heap.space.name=old_space': 40,
      'thread.name=pool,v8js.heap.space.name=_OTHER': 13,
    });
  });

  test('a thread that has said nothing has no memory', () => {
    open(3, 'pool');
    expect(collectFrom(heaps)).toEqual({});
  });

  test('of a thread that only computes the old values are left out, its limit is not', () => {
    open(3, 'pool');
    write(3, { old_space: [50, 40] });
    nowNs += 15 * S;
    expect(used(collectFrom(heaps))).not.toEqual({});
    nowNs += 1 * S;
    expect(collectFrom(heaps)).toEqual({ 'gridwatch.thread.heap.limit{thread.name=pool}': 4000 });
  });

  test('of a thread that has run nothing since they still hold', () => {
    open(3, 'pool', () => 101 * S);
    write(3, { old_space: [50, 40] });
    nowNs += 3600 * S;
    expect(used(collectFrom(heaps))).toEqual({ 'thread.name=pool,v8js.heap.space.name=old_space': 40 });
  });

  test('a sample of the future is none', () => {
    open(3, 'pool');
    write(3, { old_space: [50, 40] }, 1000);
    memory.f64[memory.slotAt(3, SLOT.HEAP) >> 3] = nowNs + 3600 * S;
    expect(collectFrom(heaps)).toEqual({});
  });

  test('a thread that has ended has no memory any more', () => {
    const heap = open(3, 'pool');
    write(3, { old_space: [50, 40] });
    heaps.close(heap);
    expect(collectFrom(heaps)).toEqual({});
  });

  test('what was allocated is counted by name, over all that bear it', () => {
    const allocated = (): number | undefined =>
      collectFrom(heaps)['gridwatch.thread.memory.allocated{thread.name=pool}'];
    const first = open(3, 'pool');
    write(3, {}, 1000);
    expect(allocated()).toBe(1000);
    write(3, {}, 1500);
    heaps.close(first);
    expect(allocated()).toBe(1500);
    open(4, 'pool');
    write(4, {}, 200);
    expect(allocated()).toBe(1700);
  });
});
