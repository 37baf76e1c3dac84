/**
 * What a thread says of its memory: its heap by space, the heap's limit, what it keeps outside of the heap.
 *
 * The thread itself writes, every few seconds; the agent thread reads at collection. Plain stores: each number stands for itself, and two of them
 * may be of two samples that follow one another. The time of the sample is stored last.
 *
 *     word 0   sampled, ns of the agent's clock; 0 = never
 *     word 1   heap limit       word 2   external       word 3   array buffers       word 4   allocated since the thread began; 0 = not counted
 *     word 5.. size and used size of each space, in the order of `HEAP_SPACES`
 */
import { type ControlMemory, SLOT } from './layout.ts';

/** Spaces of V8's heap as it names them. One that a later V8 adds is counted with the last. */
export const HEAP_SPACES = [
  'read_only_space',
  'new_space',
  'old_space',
  'code_space',
  'shared_space',
  'trusted_space',
  'shared_trusted_space',
  'new_large_object_space',
  'large_object_space',
  'code_large_object_space',
  'shared_large_object_space',
  'shared_trusted_large_object_space',
  'trusted_large_object_space',
  '_OTHER',
] as const;
export type HeapSpace = (typeof HEAP_SPACES)[number];

const LIMIT = 1;
const EXTERNAL = 2;
const ARRAY_BUFFERS = 3;
const ALLOCATED = 4;
const SPACES = 5;

export const HEAP_WORDS: number = SPACES + 2 * HEAP_SPACES.length;

/** One sample, in bytes. */
export interface HeapSample {
  sampledNs: number;
  limitBytes: number;
  externalBytes: number;
  arrayBuffersBytes: number;
  /** 0 where V8 does not count it. */
  allocatedBytes: number;
  /** By space, in the order of `HEAP_SPACES`. */
  readonly sizeBytes: Float64Array;
  readonly usedBytes: Float64Array;
}

export function emptyHeapSample(): HeapSample {
  const bySpace = (): Float64Array => new Float64Array(HEAP_SPACES.length);
  return {
    sampledNs: 0,
    limitBytes: 0,
    externalBytes: 0,
    arrayBuffersBytes: 0,
    allocatedBytes: 0,
    sizeBytes: bySpace(),
    usedBytes: bySpace(),
  };
}

/** For the thread that owns the slot. */
export function writeHeapSample(memory: ControlMemory, slot: number, sample: HeapSample): void {
  const { f64 } = memory;
  const at = memory.slotAt(slot, SLOT.HEAP) >> 3;
  f64[at + LIMIT] = sample.limitBytes;
  f64[at + EXTERNAL] = sample.externalBytes;
  f64[at + ARRAY_BUFFERS] = sample.arrayBuffersBytes;
  f64[at + ALLOCATED] = sample.allocatedBytes;
  for (let space = 0; space < HEAP_SPACES.length; space++) {
    f64[at + SPACES + 2 * space] = sample.sizeBytes[space] as number;
    f64[at + SPACES + 2 * space + 1] = sample.usedBytes[space] as number;
  }
  f64[at] = sample.sampledNs;
}

/** Reads the newest sample on the agent thread; false when there is none, or when what stands there cannot be one. */
export function readHeapSample(memory: ControlMemory, slot: number, into: HeapSample): boolean {
  const { f64 } = memory;
  const at = memory.slotAt(slot, SLOT.HEAP) >> 3;
  for (let word = 0; word < HEAP_WORDS; word++) {
    const value = f64[at + word] as number;
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) return false;
  }
  into.sampledNs = f64[at] as number;
  into.limitBytes = f64[at + LIMIT] as number;
  into.externalBytes = f64[at + EXTERNAL] as number;
  into.arrayBuffersBytes = f64[at + ARRAY_BUFFERS] as number;
  into.allocatedBytes = f64[at + ALLOCATED] as number;
  for (let space = 0; space < HEAP_SPACES.length; space++) {
    into.sizeBytes[space] = f64[at + SPACES + 2 * space] as number;
    into.usedBytes[space] = f64[at + SPACES + 2 * space + 1] as number;
  }
  return into.sampledNs > 0;
}
