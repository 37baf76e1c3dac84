/** What becomes of the records of tasks and messages. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { RecentThread } from '../../../agent/agent-thread/model/recent-threads.ts';
import { QueueDispatch } from '../../../agent/agent-thread/queue-dispatch.ts';
import type { SpanRecord } from '../../../agent/agent-thread/telemetry/spans.ts';
import { ControlMemory } from '../../../agent/shared-memory/layout.ts';
import type { EncodedRecord } from '../../../agent/shared-memory/lock-records.ts';
import {
  encodeMessage,
  encodeTask,
  encodeTaskCpu,
  type MessageRecord,
  type TaskCpuRecord,
  type TaskRecord,
} from '../../../agent/shared-memory/queue-records.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import { RingReader } from '../../../agent/shared-memory/ring-reader.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';

const MS = 1e6;
const PARENT = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 };
const TEXTS: Readonly<Record<number, string>> = {
  4: 'piscina@work.js',
  8: 'src/app.js:12',
  12: 'MessageChannel@app.js:3',
};

function thread(name: string, slot: number, threadId: number): RecentThread {
  return {
    claim: { slot, generation: 1 },
    entry: { name, info: { threadId } },
    osThreadId: 1000 + threadId,
    claimedNs: 1,
  };
}

const main = thread('main', 0, 0);
const worker = thread('worker-1', 3, 5);
let spans: SpanRecord[];
let alone: boolean[];
let used: TaskCpuRecord[];
let corrupt: number;

function dispatch(encoded: EncodedRecord, by = main): void {
  const memory = ControlMemory.create(0);
  const all = [main, worker];
  const out = new QueueDispatch({
    threads: {
      ofClaim: ({ slot, generation }) =>
        all.find(({ claim }) => claim.slot === slot && claim.generation === generation),
      ofSlotAt: (slot) => all.find(({ claim }) => claim.slot === slot),
      ofThreadId: (id) => all.find(({ entry }) => entry.info.threadId === id),
    },
    text: (number) => TEXTS[number] ?? '',
    emit: (span) => void spans.push(span),
    energy: {
      served: (span, isAlone) => {
        spans.push(span);
        alone.push(isAlone);
      },
      used: (record) => void used.push(record),
      drained: () => {},
      flush: () => {},
    },
    onCorrupt: () => void corrupt++,
    thresholdNs: () => 20 * MS,
  });
  new RingWriter(memory, by.claim.slot).offerEncoded(encoded);
  const reader = new RingReader(memory, by.claim.slot);
  reader.drain(
    (record) => out.record(by, record),
    () => 1e15,
  );
  /* What the reader finds to be impossible is counted as the same. */
  reader.takeDropped((_, dropped) => void (corrupt += dropped));
}

function task(changes: Partial<TaskRecord> = {}): EncodedRecord {
  return encodeTask({
    nameNumber: 4,
    kind: 'pool',
    outcome: 'done',
    workerThreadId: 5,
    siteNumber: 8,
    submittedNs: 100 * MS,
    waitNs: 30 * MS,
    serviceNs: 12 * MS,
    context: PARENT,
    spanId: 'abcdef0123456789',
    isAlone: true,
    ...changes,
  });
}

function message(changes: Partial<MessageRecord> = {}): EncodedRecord {
  return encodeMessage({
    kind: 'message_port',
    direction: 'to_worker',
    nameNumber: 0,
    portSlot: 4,
    portGeneration: 1,
    senderSlot: 1,
    depth: 7,
    sentNs: 100 * MS,
    transitNs: 30 * MS,
    processNs: 5 * MS,
    context: PARENT,
    sendSpanId: '1234567890abcdef',
    processSpanId: 'fedcba0987654321',
    ...changes,
  });
}

beforeEach(() => {
  spans = [];
  alone = [];
  used = [];
  corrupt = 0;
});

describe('a task', () => {
  const queue = { 'gridwatch.queue.name': 'piscina@work.js', 'gridwatch.queue.kind': 'pool' };
  const submitter = { 'thread.id': 0, 'thread.name': 'main', 'gridwatch.thread.os_id': 1000 };

  test('is a span of who submitted it, with the id that was promised, and its wait is inside', () => {
    dispatch(task());
    expect(spans).toEqual([
      {
        name: 'task piscina@work.js',
        startNs: 100 * MS,
        endNs: 142 * MS,
        attributes: {
          ...submitter,
          ...queue,
          'gridwatch.task.outcome': 'done',
          'gridwatch.task.thread.name': 'worker-1',
          'code.file.path': 'src/app.js',
          'code.line.number': 12,
        },
        parent: PARENT,
        spanId: 'abcdef0123456789',
        children: [
          {
            name: 'queue.wait piscina@work.js',
            startNs: 100 * MS,
            endNs: 130 * MS,
            attributes: { ...submitter, ...queue, 'gridwatch.contended': true },
          },
        ],
      },
    ]);
  });

  test('that hardly waited has no wait in it', () => {
    dispatch(task({ waitNs: 0.9 * MS }));
    expect(spans[0]).not.toHaveProperty('children');
    dispatch(task({ waitNs: MS }));
    expect(spans[1]?.children).toHaveLength(1);
  });

  test('that failed has error status, and no message: that is the application’s', () => {
    for (const outcome of ['done', 'failed', 'aborted', 'rejected'] as const) dispatch(task({ outcome }));
    expect(spans.map(({ error }) => error)).toEqual([undefined, '', undefined, undefined]);
    expect(spans.map(({ attributes }) => attributes['gridwatch.task.outcome'])).toEqual([
      'done',
      'failed',
      'aborted',
      'rejected',
    ]);
  });

  test('leaves out what is not known: the worker, the place, the span', () => {
    dispatch(task({ workerThreadId: -1, siteNumber: 0, context: undefined, spanId: undefined }));
    dispatch(task({ workerThreadId: 99 }));
    expect(spans[0]?.attributes).toEqual({ ...submitter, ...queue, 'gridwatch.task.outcome': 'done' });
    expect(spans[0]).not.toHaveProperty('parent');
    expect(spans[0]).not.toHaveProperty('spanId');
    expect(spans[1]?.attributes).not.toHaveProperty(['gridwatch.task.thread.name']);
  });
});

describe('a message', () => {
  const queue = {
    'gridwatch.queue.name': 'worker-1',
    'gridwatch.queue.kind': 'message_port',
    'gridwatch.queue.direction': 'to_worker',
  };

  test('is a span of its way, and in it one of what the receiver did', () => {
    dispatch(message(), worker);
    expect(spans).toEqual([
      {
        name: 'send worker-1',
        kind: 'producer',
        startNs: 100 * MS,
        endNs: 130 * MS,
        attributes: {
          'thread.id': 0,
          'thread.name': 'main',
          'gridwatch.thread.os_id': 1000,
          ...queue,
          'gridwatch.message.transit': 0.03,
          'gridwatch.queue.depth': 7,
          'gridwatch.contended': true,
        },
        parent: PARENT,
        spanId: '1234567890abcdef',
        children: [
          {
            name: 'process worker-1',
            kind: 'consumer',
            startNs: 130 * MS,
            endNs: 135 * MS,
            attributes: { 'thread.id': 5, 'thread.name': 'worker-1', 'gridwatch.thread.os_id': 1005, ...queue },
            spanId: 'fedcba0987654321',
          },
        ],
      },
    ]);
  });

  test('that was fast did not have to wait', () => {
    dispatch(message({ transitNs: 19 * MS }), worker);
    expect(spans[0]?.attributes).not.toHaveProperty(['gridwatch.contended']);
  });

  test('of any other port bears that port’s name, and no direction', () => {
    dispatch(message({ portSlot: 0, portGeneration: 0, nameNumber: 12, direction: 'none', senderSlot: 0 }), worker);
    expect(spans[0]).toMatchObject({ name: 'send MessageChannel@app.js:3' });
    expect(spans[0]?.attributes).not.toHaveProperty(['gridwatch.queue.direction']);
    expect(spans[0]?.attributes).not.toHaveProperty(['thread.name']);
  });

  test('to a worker that nobody knows any more is called after its kind', () => {
    dispatch(message({ portGeneration: 9 }), worker);
    expect(spans[0]).toMatchObject({ name: 'send message_port' });
  });

  test('without promised ids has none', () => {
    dispatch(message({ sendSpanId: undefined, processSpanId: undefined, context: undefined }), worker);
    expect(spans[0]).not.toHaveProperty('spanId');
    expect(spans[0]?.children?.[0]).not.toHaveProperty('spanId');
  });
});

test.each([
  ['a task', task()],
  ['a message', message()],
])('%s that cannot be believed is counted, and nothing else', (_, [first, second]) => {
  const out = [
    [{ ...first, second: 0xff }, second],
    [{ ...first, second: 0xff00 }, second],
  ] as const;
  for (const halves of out) dispatch(halves as EncodedRecord);
  expect(spans).toEqual([]);
  expect(corrupt).toBe(2);
});

describe('the CPU time of a task', () => {
  const times = { beganNs: 131 * MS, workedNs: 10 * MS, cpuNs: 9 * MS };

  test('is handed on by the id of its span, and the task with whether it was alone', () => {
    dispatch(encodeTaskCpu({ ...PARENT, spanId: 'abcdef0123456789' }, times), worker);
    dispatch(task());
    dispatch(task({ isAlone: false }));
    expect(used).toEqual([{ spanId: 'abcdef0123456789', ...times }]);
    expect(alone).toEqual([true, false]);
  });

  test('that cannot be is counted as such: without a span, less than is told of, more than there was', () => {
    const [half] = encodeTaskCpu(PARENT, times);
    for (const changes of [{ context: undefined }, { number: 999 }, { number: -1 }, { number: 20_001 }])
      dispatch([{ ...half, ...changes }], worker);
    expect([used, corrupt]).toEqual([[], 4]);
  });
});

test('one of one half is counted, too', () => {
  const [first] = task();
  dispatch([{ ...first, kind: RecordKind.TASK }] as unknown as EncodedRecord);
  expect([spans, corrupt]).toEqual([[], 1]);
});
