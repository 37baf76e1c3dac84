/**
 * The memory of the threads, as each of them last said.
 *
 * Runs on the agent thread, at collection. A value is told as long as it holds: for a while after its sample, and for as long as the thread has run
 * nothing since, because its heap does not change meanwhile. A thread that only computes says nothing; its old values would be made up, so they are
 * left out until it speaks again.
 */
import {
  emptyHeapSample,
  HEAP_SPACES,
  type HeapSample,
  type HeapSpace,
  readHeapSample,
} from '../../shared-memory/heap-words.ts';
import type { ControlMemory } from '../../shared-memory/layout.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { NameTotals } from './name-totals.ts';

/** A thread that speaks at all does so every 5 s (`app-thread/sources/heap.ts`). */
const MAX_AGE_NS = 15e9;
/** All threads read one clock, and a sample may be taken while it is read. One from further ahead is none: a program has scribbled there. */
const MAX_AHEAD_NS = 1e9;

/** A worker's spaces that are told one by one: each is a series for every worker. */
const WORKER_SPACES: ReadonlySet<HeapSpace> = new Set(['new_space', 'old_space']);

export interface HeapsSettings {
  readonly memory: ControlMemory;
  readonly nowNs: () => number;
}

/** One thread's. */
export interface ThreadHeap {
  readonly slot: number;
  readonly name: string;
  /** Up to when the thread has run anything. */
  readonly activeUntilNs: (nowNs: number) => number;
  readonly sample: HeapSample;
  /** By space: whether it has ever held anything. */
  readonly isUsed: boolean[];
  readonly totals: Float64Array;
  countedBytes: number;
}

export class Heaps implements MetricSource {
  readonly #settings: HeapsSettings;
  readonly #live = new Set<ThreadHeap>();
  readonly #allocated = new NameTotals(1);

  constructor(settings: HeapsSettings) {
    this.#settings = settings;
  }

  /** A thread of this name has the slot. The main thread has the first one. */
  open(slot: number, name: string, activeUntilNs: ThreadHeap['activeUntilNs']): ThreadHeap {
    const heap: ThreadHeap = {
      slot,
      name,
      activeUntilNs,
      sample: emptyHeapSample(),
      isUsed: HEAP_SPACES.map(() => false),
      totals: this.#allocated.take(name),
      countedBytes: 0,
    };
    this.#live.add(heap);
    return heap;
  }

  /** Reads a last time, before the slot is given back. */
  close(heap: ThreadHeap): void {
    this.#read(heap, this.#settings.nowNs());
    this.#live.delete(heap);
    this.#allocated.giveBack(heap.name);
  }

  collect(sink: MetricSink): void {
    const nowNs = this.#settings.nowNs();
    for (const heap of this.#live) {
      if (!this.#read(heap, nowNs)) continue;
      sink.sum('gridwatch.thread.heap.limit', { 'thread.name': heap.name }, heap.sample.limitBytes);
      if (heap.activeUntilNs(nowNs) - heap.sample.sampledNs <= MAX_AGE_NS) collectSample(sink, heap);
    }
    for (const [name, [bytes = 0]] of this.#allocated.tell()) {
      if (bytes > 0) sink.sum('gridwatch.thread.memory.allocated', { 'thread.name': name }, bytes);
    }
  }

  #read(heap: ThreadHeap, nowNs: number): boolean {
    const { sample, totals } = heap;
    if (!readHeapSample(this.#settings.memory, heap.slot, sample)) return false;
    if (sample.sampledNs > nowNs + MAX_AHEAD_NS) return false;
    const grownBytes = sample.allocatedBytes - heap.countedBytes;
    if (grownBytes > 0) {
      totals[0] = (totals[0] as number) + grownBytes;
      heap.countedBytes = sample.allocatedBytes;
    }
    for (const [space, bytes] of sample.sizeBytes.entries()) if (bytes > 0) heap.isUsed[space] = true;
    return true;
  }
}

function collectSample(sink: MetricSink, { slot, name, sample, isUsed }: ThreadHeap): void {
  const thread = { 'thread.name': name };
  sink.sum('gridwatch.thread.memory.external', thread, sample.externalBytes);
  sink.sum('gridwatch.thread.memory.array_buffers', thread, sample.arrayBuffersBytes);
  const others = { size: 0, used: 0, isUsed: false };
  for (const [index, space] of HEAP_SPACES.entries()) {
    if (isUsed[index] !== true) continue;
    const size = sample.sizeBytes[index] as number;
    const used = sample.usedBytes[index] as number;
    if (space !== '_OTHER' && (slot === 0 || WORKER_SPACES.has(space))) writeSpace(sink, name, space, size, used);
    else {
      others.size += size;
      others.used += used;
      others.isUsed = true;
    }
  }
  if (others.isUsed) writeSpace(sink, name, '_OTHER', others.size, others.used);
}

function writeSpace(sink: MetricSink, name: string, space: HeapSpace, size: number, used: number): void {
  const attributes = { 'thread.name': name, 'v8js.heap.space.name': space };
  sink.sum('v8js.memory.heap.space.size', attributes, size);
  sink.sum('v8js.memory.heap.used', attributes, used);
}
