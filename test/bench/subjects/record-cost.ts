/* Records as an application thread does, in a loop, and prints nanoseconds for one. The ring is emptied by moving its read index. */
import { Clock } from '../../../agent/shared-memory/clock.ts';
import { HistogramWriter } from '../../../agent/shared-memory/histogram.ts';
import { ControlMemory, SLOT } from '../../../agent/shared-memory/layout.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';

const LOOPS = 5_000_000;
const clock = new Clock();
const memory = ControlMemory.create(clock.baseS);
const ring = new RingWriter(memory, 0);
const histogram = new HistogramWriter('gc', memory.buffer, memory.slotAt(0, SLOT.GC_HISTOGRAMS));
const writeAt = memory.slotAt(0, SLOT.RING_WRITE) >> 2;
const readAt = memory.slotAt(0, SLOT.RING_READ) >> 2;
const counterAt = memory.slotAt(0, SLOT.DROPPED) >> 2;

function measure(step: (i: number) => void): number {
  for (let i = 0; i < LOOPS / 10; i++) step(i);
  const startedNs = process.hrtime.bigint();
  for (let i = 0; i < LOOPS; i++) step(i);
  return Number(process.hrtime.bigint() - startedNs) / LOOPS;
}

const recordNs = measure((i) => {
  ring.offer(RecordKind.GC, i & 3, clock.nowNs(), 1e6, undefined);
  if ((i & 1023) === 0) Atomics.store(memory.i32, readAt, Atomics.load(memory.i32, writeAt));
});
const counters = memory.u32;
const counterNs = measure(() => {
  counters[counterAt] = (counters[counterAt] as number) + 1;
});
const histogramNs = measure((i) => histogram.record((i & 0xffff) * 1000));
console.log(JSON.stringify({ recordNs, counterNs, histogramNs }));
