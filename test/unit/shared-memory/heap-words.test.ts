/** A heap sample comes out as it went in; what cannot be one does not come out. */
import { beforeEach, expect, test } from 'vitest';
import {
  emptyHeapSample,
  HEAP_SPACES,
  HEAP_WORDS,
  type HeapSample,
  readHeapSample,
  writeHeapSample,
} from '../../../agent/shared-memory/heap-words.ts';
import { ControlMemory, SLOT } from '../../../agent/shared-memory/layout.ts';

const OF_SLOT = 7;

let memory: ControlMemory;
beforeEach(() => {
  memory = ControlMemory.create(0);
});

function sampleOf(first: number): HeapSample {
  const sample = emptyHeapSample();
  Object.assign(sample, { sampledNs: first, limitBytes: first + 1, externalBytes: first + 2 });
  Object.assign(sample, { arrayBuffersBytes: first + 3, allocatedBytes: first + 4 });
  for (const space of HEAP_SPACES.keys()) {
    sample.sizeBytes[space] = first + 100 + space;
    sample.usedBytes[space] = first + 50 + space;
  }
  return sample;
}

test('the newest sample is read', () => {
  const read = emptyHeapSample();
  for (const first of [1e6, 2e6]) {
    writeHeapSample(memory, OF_SLOT, sampleOf(first));
    expect(readHeapSample(memory, OF_SLOT, read)).toBe(true);
    expect(read).toEqual(sampleOf(first));
  }
});

test('there is none before the first, nor in another slot', () => {
  expect(readHeapSample(memory, OF_SLOT, emptyHeapSample())).toBe(false);
  writeHeapSample(memory, OF_SLOT, sampleOf(1));
  expect(readHeapSample(memory, OF_SLOT + 1, emptyHeapSample())).toBe(false);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])(
  'a word of %d is not believed, wherever it stands',
  (value) => {
    for (let word = 0; word < HEAP_WORDS; word++) {
      writeHeapSample(memory, OF_SLOT, sampleOf(1));
      memory.f64[(memory.slotAt(OF_SLOT, SLOT.HEAP) >> 3) + word] = value;
      expect(readHeapSample(memory, OF_SLOT, emptyHeapSample())).toBe(false);
    }
  },
);
