/**
 * The memory of a thread that has a slot, without an agent: what is to record there, and what is read there as the agent thread reads it. Runs in a test's own
 * process.
 */
import { Recorder } from '../../agent/app-thread/recorder.ts';
import { featureBits } from '../../agent/config/feature-bits.ts';
import type { Feature } from '../../agent/config/options.ts';
import { HistogramReader, HistogramTotal } from '../../agent/shared-memory/histogram.ts';
import { ControlMemory, HEADER } from '../../agent/shared-memory/layout.ts';
import { lookUpName } from '../../agent/shared-memory/names.ts';
import { claimSlot } from '../../agent/shared-memory/registry.ts';
import { RingReader } from '../../agent/shared-memory/ring-reader.ts';

export class TrackedThread {
  readonly memory: ControlMemory;
  readonly recorder: Recorder;
  readonly reader: RingReader;

  /** `baseS`: of the clock of what is to record here. */
  constructor(baseS: number = process.hrtime()[0]) {
    this.memory = ControlMemory.create(baseS);
    const claim = claimSlot(this.memory, {
      parentThreadId: -1,
      name: 'main',
      file: '',
      nowNs: 1,
      spawnContext: undefined,
      spawnSite: '',
    });
    if (claim === undefined) throw new Error('a new memory has no free slot');
    this.recorder = new Recorder(this.memory, claim);
    this.reader = new RingReader(this.memory, claim.slot);
  }

  get slot(): number {
    return this.recorder.claim.slot;
  }

  /** These features and no others are off. */
  switchOff(...features: Feature[]): void {
    Atomics.store(this.memory.i32, HEADER.FEATURES_OFF >> 2, featureBits(features));
  }

  name(number: number): string {
    return lookUpName(this.memory, number);
  }

  /** How many values the histogram at this place has. */
  countAt(at: number): number {
    const total = new HistogramTotal('waits');
    new HistogramReader(this.memory.buffer, at).addNewTo(total);
    return total.counts.reduce((sum, cell) => sum + cell, 0);
  }
}

/** What was counted under the one name there is. */
export function onlyOf<T>(counted: Readonly<Record<string, T>>): T {
  const [counts, ...more] = Object.values(counted);
  if (counts === undefined || more.length > 0) throw new Error(`counted: ${Object.keys(counted).join()}`);
  return counts;
}
