/** Messages that were long on their way, of which a record tells although they belong to no trace. Runs in the test's process, with Node's own ports. */
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { followMessages } from '../../../agent/app-thread/messages/thread-messages.ts';
import { Recorder } from '../../../agent/app-thread/recorder.ts';
import { ControlMemory, HEADER } from '../../../agent/shared-memory/layout.ts';
import { MessageMemory } from '../../../agent/shared-memory/message-memory.ts';
import { decodeMessage, type MessageRecord } from '../../../agent/shared-memory/queue-records.ts';
import { claimSlot } from '../../../agent/shared-memory/registry.ts';
import { RingReader } from '../../../agent/shared-memory/ring-reader.ts';

const threads = process.getBuiltinModule('node:worker_threads');

const control = ControlMemory.create(0);
let slot = -1;
let stop: () => void = () => {};

beforeAll(() => {
  const identity = { parentThreadId: 0, name: '', file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
  const claim = claimSlot(control, identity);
  if (claim === undefined) throw new Error('no slot');
  ({ slot } = claim);
  const scopes = {
    canActivate: false,
    isClear: true,
    run: <T>(_: unknown, fn: () => T): T => fn(),
    active: () => undefined,
  };
  const memory = MessageMemory.create();
  ({ stop } = followMessages({ recorder: new Recorder(control, claim), memory, scopes, ports: undefined }));
});

afterAll(() => stop());

test.each([
  ['past the threshold', 0, 1],
  ['below it', 60e9, 0],
])('that belongs to no trace is told of %s', async (_, thresholdNs, records) => {
  control.f64[HEADER.QUEUE_THRESHOLD_NS >> 3] = thresholdNs;
  const { port1, port2 } = new threads.MessageChannel();
  port1.postMessage('alone');
  await once(port2, 'message');
  port1.close();
  const told: (MessageRecord | undefined)[] = [];
  new RingReader(control, slot).drain(
    (record) => {
      if (record.other !== undefined) told.push(decodeMessage([record, record.other]));
    },
    () => Number.MAX_SAFE_INTEGER,
  );
  expect(told).toHaveLength(records);
  for (const record of told)
    expect(record).toMatchObject({ kind: 'message_port', context: undefined, senderSlot: slot + 1, depth: 0 });
});
