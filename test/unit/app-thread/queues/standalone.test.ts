/** Queues without the agent, told to a sink: when an item was, as the wall clock has it now. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type OverItem, type QueueSink, standaloneQueues } from '../../../../agent/app-thread/queues/standalone.ts';
import { ControlMemory } from '../../../../agent/shared-memory/layout.ts';
import { internName } from '../../../../agent/shared-memory/names.ts';

const HOUR_MS = 3600e3;
const MS = 1e6;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('an item that is over', () => {
  it('is told with times of the wall clock, also when that was set, or stood still with the machine', () => {
    const items: OverItem[] = [];
    const sink: QueueSink = {
      isOn: true,
      thresholdNs: 0,
      waited: () => {},
      served: () => {},
      ended: (item) => items.push(item),
    };
    const made = standaloneQueues(sink, ControlMemory.create(0));
    const tracker = made?.tracker;
    const tell = (): void =>
      tracker?.record({
        nameNumber: internName(tracker.recorder.memory, 'mails'),
        kind: 'task_queue',
        outcome: 'done',
        workerThreadId: -1,
        isAlone: false,
        siteNumber: 0,
        submittedNs: tracker.nowNs() - 50 * MS,
        waitNs: 20 * MS,
        serviceNs: 30 * MS,
        context: undefined,
        spanId: undefined,
      });
    tell();
    const now = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + HOUR_MS);
    tell();
    const [before, after] = items.map(({ name, submitted, began, ended }) => {
      const [submittedMs, beganMs, endedMs] = [submitted, began, ended].map(([s, ns]) => s * 1e3 + ns / MS) as [
        number,
        number,
        number,
      ];
      expect(name).toBe('mails');
      expect(Math.round(beganMs - submittedMs)).toBe(20);
      expect(Math.round(endedMs - beganMs)).toBe(30);
      return endedMs;
    });
    /* Milliseconds are what `Date.now` has, and 5 of them no step. */
    expect(Math.abs(Number(after) - Number(before) - HOUR_MS)).toBeLessThan(1000);
  });
});
