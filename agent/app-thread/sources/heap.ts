/**
 * The memory of this thread: only the thread itself can ask V8 for it.
 *
 * Runs on application threads, every 5 s from the heartbeat. A sample takes 6-9 us; the first one loads `node:v8`, which takes 2 ms and so is not
 * done before the thread has lived for 5 s.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { emptyHeapSample, HEAP_SPACES, writeHeapSample } from '../../shared-memory/heap-words.ts';
import type { Recorder } from '../recorder.ts';

type V8 = typeof import('node:v8');

const HEAP = featureBits(['heap']);
const SPACE_INDEXES: ReadonlyMap<string, number> = new Map(HEAP_SPACES.map((name, index) => [name, index]));
const OTHER_INDEX = HEAP_SPACES.length - 1;

export class HeapSource {
  readonly #recorder: Recorder;
  readonly #sample = emptyHeapSample();
  /** The control buffer counts where it was allocated, reserved pages included. */
  readonly #ownBytes: number;
  #v8: V8 | undefined;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
    this.#ownBytes = recorder.claim.slot === 0 ? recorder.memory.buffer.byteLength : 0;
  }

  /** Throws where Node does not let the numbers be had. */
  sample(nowNs: number): void {
    const { memory, claim } = this.#recorder;
    if (this.#recorder.isOff(HEAP)) return;
    const v8 = (this.#v8 ??= process.getBuiltinModule('node:v8'));
    const sample = this.#sample;
    /* From V8 14 on. */
    const { heap_size_limit, total_allocated_bytes } = v8.getHeapStatistics() as HeapStatistics;
    const { external, arrayBuffers } = process.memoryUsage();
    sample.limitBytes = heap_size_limit;
    sample.allocatedBytes = total_allocated_bytes ?? 0;
    sample.externalBytes = external;
    sample.arrayBuffersBytes = Math.max(0, arrayBuffers - this.#ownBytes);
    sample.sizeBytes.fill(0);
    sample.usedBytes.fill(0);
    for (const { space_name, space_size, space_used_size } of v8.getHeapSpaceStatistics()) {
      const index = SPACE_INDEXES.get(space_name) ?? OTHER_INDEX;
      sample.sizeBytes[index] = (sample.sizeBytes[index] as number) + space_size;
      sample.usedBytes[index] = (sample.usedBytes[index] as number) + space_used_size;
    }
    sample.sampledNs = nowNs;
    writeHeapSample(memory, claim.slot, sample);
  }
}

type HeapStatistics = ReturnType<V8['getHeapStatistics']> & { readonly total_allocated_bytes?: number };
