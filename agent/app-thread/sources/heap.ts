/**
 * The memory of this thread: only the thread itself can ask V8 for it.
 *
 * Runs on application threads: every 5 s while the loop is watched (`loop-watch.ts`), when it becomes quiet, because a heap does not change from then
 * on, and when the thread is about to block. A sample takes 6-9 us; the first one loads `node:v8`, which takes 2 ms, and is not taken before the
 * loop is quiet for the first time.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { emptyHeapSample, HEAP_SPACES, type HeapSample, writeHeapSample } from '../../shared-memory/heap-words.ts';
import type { Recorder } from '../recorder.ts';
import type { LoopListener, LoopLook } from './loop-watch.ts';

/* The originals: a program's tests may replace the globals by clocks of their own. */
const { setTimeout, clearTimeout } = globalThis;

type V8 = typeof import('node:v8');
/** V8 14, of Node 26, counts what was allocated. */
type HeapStatistics = ReturnType<V8['getHeapStatistics']> & { readonly total_allocated_bytes?: number };

const INTERVAL_NS = 5e9;
/** A loop that becomes quiet more often than this is looked at this much later. */
const MIN_INTERVAL_MS = 500;

const SPACE_INDEXES: ReadonlyMap<string, number> = new Map(HEAP_SPACES.map((name, index) => [name, index]));
const OTHER_INDEX = HEAP_SPACES.length - 1;

export class HeapSource implements LoopListener {
  readonly feature: number = featureBits(['heap']);
  readonly #recorder: Recorder;
  readonly #sample: HeapSample = emptyHeapSample();
  /** The agent's shared buffers count where they were allocated, reserved pages included. */
  readonly #ownBytes: number;
  #v8: V8 | undefined;
  #lastNs: number;
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;

  /** `buffers`: those of the agent besides the control buffer. */
  constructor(recorder: Recorder, buffers: readonly (SharedArrayBuffer | undefined)[]) {
    this.#recorder = recorder;
    const own = recorder.claim.slot === 0 ? [recorder.memory.buffer, ...buffers] : [];
    this.#ownBytes = own.reduce((bytes, buffer) => bytes + (buffer?.byteLength ?? 0), 0);
    this.#lastNs = recorder.clock.nowNs();
  }

  looked({ nowNs, nextDueNs }: LoopLook): void {
    if (nowNs - this.#lastNs >= INTERVAL_NS) this.#take(nowNs);
    else if (nextDueNs === 0) this.#takeSoon(nowNs);
  }

  failed(): void {
    this.#hasFailed = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #takeSoon(nowNs: number): void {
    const waitNs = this.#v8 === undefined ? 0 : this.#lastNs + MIN_INTERVAL_MS * 1e6 - nowNs;
    if (waitNs <= 0) this.#take(nowNs);
    else this.#timer ??= setTimeout(this.#onTimer, MIN_INTERVAL_MS).unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    if (this.#hasFailed || this.#recorder.isOff(this.feature)) return;
    this.#tryTake(this.#recorder.clock.nowNs());
  };

  /** The thread is about to block, or to end. */
  beforeWait(nowNs: number): void {
    if (nowNs - this.#lastNs < INTERVAL_NS || this.#hasFailed || this.#recorder.isOff(this.feature)) return;
    this.#tryTake(nowNs);
  }

  #tryTake(nowNs: number): void {
    try {
      this.#take(nowNs);
    } catch {
      this.failed();
    }
  }

  #take(nowNs: number): void {
    this.#lastNs = nowNs;
    const v8 = (this.#v8 ??= process.getBuiltinModule('node:v8'));
    const sample = this.#sample;
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
    writeHeapSample(this.#recorder.memory, this.#recorder.claim.slot, sample);
  }
}
