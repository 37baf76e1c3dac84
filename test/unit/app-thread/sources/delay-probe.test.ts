/** Delays against what an event would have waited that became due at each multiple of 20 ms. */
import { describe, expect, test } from 'vitest';
import { DelayProbe } from '../../../../agent/app-thread/sources/delay-probe.ts';

const MS = 1e6;

function setUp(): { probe: DelayProbe; delaysMs: number[] } {
  const delaysMs: number[] = [];
  return { probe: new DelayProbe((delayNs) => delaysMs.push(delayNs / MS)), delaysMs };
}

describe('DelayProbe', () => {
  test('one long turn counts for as long as it lasted', () => {
    const { probe, delaysMs } = setUp();
    probe.active(70 * MS);
    expect(delaysMs).toEqual([70, 50, 30, 10]);
  });

  test('a turn is counted by the share of time it takes, not once', () => {
    const { probe, delaysMs } = setUp();
    for (let turn = 0; turn < 1000; turn++) {
      probe.active(1 * MS);
      probe.idle(9 * MS);
    }
    // A thousand turns of 1 ms in 10 s: one of twenty moments falls into a turn, and waits for half of it.
    expect(delaysMs.length).toBeGreaterThan(0);
    expect(delaysMs.length).toBeLessThanOrEqual(500);
    for (const delayMs of delaysMs) expect(delayMs).toBeLessThanOrEqual(1);
  });

  test('idle time only passes', () => {
    const { probe, delaysMs } = setUp();
    probe.active(5 * MS);
    probe.idle(1234.5 * MS);
    expect(delaysMs).toEqual([5]);
    // The next multiple of 20 ms since the beginning is 1240, half a millisecond after the idle time.
    probe.active(30 * MS);
    expect(delaysMs.slice(1)).toEqual([29.5, 9.5]);
  });

  test('what was due in a busy loop came so late', () => {
    const { probe, delaysMs } = setUp();
    probe.late(0);
    probe.late(3 * MS);
    probe.late(45 * MS);
    expect(delaysMs).toEqual([0, 3, 45, 25, 5]);
  });

  test('a turn of hours is not written down to its end', () => {
    const { probe, delaysMs } = setUp();
    probe.active(3600e9);
    expect(delaysMs).toHaveLength(10_000);
    probe.active(10 * MS);
    expect(delaysMs.at(-1)).toBe(10);
  });
});
