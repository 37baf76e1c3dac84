/** What is believed of a node's idle power, by what was seen of it. */
import { describe, expect, test } from 'vitest';
import { IdlePower } from '../../../../agent/agent-thread/energy/idle-power.ts';

const SECOND_NS = 1e9;

function seconds(idle: IdlePower, count: number, powerW: number, utilization: number): void {
  for (let i = 0; i < count; i++) idle.saw(powerW * 1e6, SECOND_NS, utilization);
}

describe('the idle power of a measured source', () => {
  test('is the table’s until the CPUs were quiet for five seconds', () => {
    const idle = new IdlePower(10);
    seconds(idle, 4, 6, 0.01);
    expect(idle.powerW).toBe(10);
    seconds(idle, 1, 6, 0.01);
    expect(idle.powerW).toBe(6);
  });

  test('is what the first quiet time has shown, also where that is more than the table’s', () => {
    const idle = new IdlePower(10);
    seconds(idle, 5, 40, 0.01);
    expect(idle.powerW).toBe(40);
  });

  test('is never more than what is drawn at work', () => {
    const idle = new IdlePower(10);
    seconds(idle, 1, 7, 0.5);
    expect(idle.powerW).toBe(7);
  });

  test('a busy second begins the quiet time anew', () => {
    const idle = new IdlePower(10);
    seconds(idle, 4, 6, 0.01);
    seconds(idle, 1, 20, 0.5);
    seconds(idle, 4, 6, 0.01);
    expect(idle.powerW).toBe(10);
  });

  test('rises slowly where the machine never draws so little again', () => {
    const idle = new IdlePower(10);
    seconds(idle, 5, 5, 0);
    seconds(idle, 3600, 8, 0);
    expect(idle.powerW).toBeGreaterThan(6.5);
    expect(idle.powerW).toBeLessThan(8);
  });
});
