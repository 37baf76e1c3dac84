/* A worker offers records at the rate given; this thread drains as the agent thread does. Prints what was offered and what was dropped. */
import { isMainThread, MessageChannel, type MessagePort, Worker, workerData } from 'node:worker_threads';
import { Drain } from '../../../agent/agent-thread/drain.ts';
import { Clock } from '../../../agent/shared-memory/clock.ts';
import { ControlMemory } from '../../../agent/shared-memory/layout.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import { RingReader } from '../../../agent/shared-memory/ring-reader.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';

const SECONDS = 2;
/** Records between two looks at the clock. */
const BURST = 64;

interface Job {
  readonly buffer: SharedArrayBuffer;
  readonly perSecond: number;
}

function produce({ buffer, perSecond }: Job): void {
  const memory = ControlMemory.attach(buffer) as ControlMemory;
  const clock = new Clock(memory.baseS);
  const ring = new RingWriter(memory, 0);
  const beganNs = clock.nowNs();
  let offered = 0;
  for (let nowNs = beganNs; nowNs - beganNs < SECONDS * 1e9; nowNs = clock.nowNs()) {
    const due = ((nowNs - beganNs) / 1e9) * perSecond;
    if (offered > due) continue;
    for (let i = 0; i < BURST; i++) ring.offer(RecordKind.GC, i & 3, clock.nowNs(), 1, undefined);
    offered += BURST;
  }
  (workerData as { port: MessagePort }).port.postMessage(offered);
}

function consume(perSecond: number): void {
  const clock = new Clock();
  const memory = ControlMemory.create(clock.baseS);
  const reader = new RingReader(memory, 0);
  const { port1, port2 } = new MessageChannel();
  let drained = 0;
  let dropped = 0;
  const drain = (nowNs: number): number => {
    const records = reader.drain(
      () => {},
      () => nowNs,
    );
    reader.takeDropped((_, count) => {
      dropped += count;
    });
    drained += records;
    return records;
  };
  new Drain(memory, clock, { drain, sample: () => {}, flush: () => Promise.resolve() }).start();
  port1.on('message', (offered: number) => {
    drain(clock.nowNs());
    if (drained + dropped !== offered) throw new Error(`${offered} offered, ${drained} drained, ${dropped} dropped`);
    console.log(JSON.stringify({ offered, dropped, seconds: SECONDS }));
    process.exit();
  });
  new Worker(new URL(import.meta.url), {
    workerData: { buffer: memory.buffer, perSecond, port: port2 },
    transferList: [port2],
  });
}

if (isMainThread) consume(Number(process.argv[2]));
else produce(workerData as Job);
