/** What is said of tasks and messages arrives as it was said, through a ring; and whatever a record holds, decoding it never throws nor believes the impossible. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QUEUE_KINDS } from '../../../agent/shared-memory/queue-cells.ts';
import {
  DIRECTIONS,
  decodeMessage,
  decodeTask,
  decodeTaskCpu,
  encodeMessage,
  encodeTask,
  encodeTaskCpu,
  type MessageRecord,
  TASK_OUTCOMES,
  type TaskRecord,
} from '../../../agent/shared-memory/queue-records.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import { hex, ids, ns, number, through } from './record-trips.ts';

const spanId = fc.option(hex(16), { nil: undefined });

const task: fc.Arbitrary<TaskRecord> = fc.record({
  nameNumber: number,
  kind: fc.constantFrom(...QUEUE_KINDS),
  outcome: fc.constantFrom(...TASK_OUTCOMES),
  workerThreadId: fc.integer({ min: -1, max: 1e9 }),
  siteNumber: number,
  submittedNs: ns,
  waitNs: ns,
  serviceNs: ns,
  context: fc.option(ids, { nil: undefined }),
  spanId,
  isAlone: fc.boolean(),
});

const ofMessage = {
  kind: fc.constantFrom(...QUEUE_KINDS),
  direction: fc.constantFrom(...DIRECTIONS),
  nameNumber: number,
  portSlot: fc.nat(512),
  portGeneration: fc.nat(0xffffff),
  senderSlot: fc.nat(512),
  depth: fc.nat(),
  sentNs: ns,
  transitNs: ns,
  processNs: ns,
  sendSpanId: spanId,
};
const message: fc.Arbitrary<MessageRecord> = fc.oneof(
  fc.record({ ...ofMessage, context: ids, processSpanId: spanId }),
  fc.record({ ...ofMessage, context: fc.constant(undefined), processSpanId: fc.constant(undefined) }),
);

describe('arrives as it was said', () => {
  test('a task', () => {
    fc.assert(
      fc.property(task, (said) => {
        expect(decodeTask(through(encodeTask(said)))).toEqual(said);
      }),
    );
  });

  test('a message', () => {
    fc.assert(
      fc.property(message, (said) => {
        expect(decodeMessage(through(encodeMessage(said)))).toEqual(said);
      }),
    );
  });

  test('what a task has used, in whole microseconds', () => {
    fc.assert(
      fc.property(ids, ns, fc.integer({ min: 1000, max: 2e9 }), fc.nat(1e9), (span, beganNs, cpuUs, waitedUs) => {
        const times = { beganNs, workedNs: (cpuUs + waitedUs) * 1e3, cpuNs: cpuUs * 1e3 };
        const [half] = through(encodeTaskCpu(span, times));
        expect(half && decodeTaskCpu(half)).toEqual({ spanId: span.spanId, ...times });
      }),
    );
  });
});

test('ids with the highest and the lowest bit are the same on both sides', () => {
  for (const id of ['8000000000000001', 'ffffffffffffffff', '0000000000000001', '0000000100000000']) {
    const said: TaskRecord = {
      nameNumber: 0,
      kind: 'pool',
      outcome: 'done',
      workerThreadId: 1,
      siteNumber: 0,
      submittedNs: 1,
      waitNs: 1,
      serviceNs: 1,
      context: undefined,
      isAlone: false,
      spanId: id,
    };
    expect(decodeTask(through(encodeTask(said)))?.spanId).toBe(id);
  }
});

test('scribbled on: nothing throws, and kinds, outcomes and directions are those there are', () => {
  const half = fc.record({
    kind: fc.constantFrom(...Object.values(RecordKind)),
    number: fc.integer(),
    second: fc.integer(),
    third: fc.integer(),
    fourth: fc.integer(),
    startNs: fc.double(),
    durationNs: fc.double(),
    context: fc.option(ids, { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(half, { maxLength: 2 }), (halves) => {
      const asTask = decodeTask(halves);
      if (asTask !== undefined) {
        expect(QUEUE_KINDS).toContain(asTask.kind);
        expect(TASK_OUTCOMES).toContain(asTask.outcome);
        expect(asTask.waitNs).toBeGreaterThanOrEqual(0);
        expect(asTask.spanId ?? 'f'.repeat(16)).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
      }
      const asMessage = decodeMessage(halves);
      if (asMessage !== undefined) {
        expect(QUEUE_KINDS).toContain(asMessage.kind);
        expect(DIRECTIONS).toContain(asMessage.direction);
        expect(asMessage.processNs).toBeGreaterThanOrEqual(0);
      }
      for (const one of halves) {
        const { cpuNs, workedNs, spanId: id } = decodeTaskCpu(one) ?? { cpuNs: 0, workedNs: 0, spanId: 'f'.repeat(16) };
        expect(cpuNs === 0 || cpuNs >= 1e6).toBe(true);
        expect(cpuNs).toBeLessThanOrEqual(workedNs);
        expect(id).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
      }
      expect(halves.length === 2 || (asTask ?? asMessage) === undefined).toBe(true);
    }),
  );
});
