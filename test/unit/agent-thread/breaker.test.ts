/** The budget: what is shed, in which order, when, and when it comes back. Windows of ten seconds pass by hand. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Breaker, SHEDDING_ORDER } from '../../../agent/agent-thread/breaker.ts';
import type { LogRecord } from '../../../agent/agent-thread/telemetry/logs.ts';
import { FEATURES, type Feature } from '../../../agent/config/options.ts';
import { FakeDiag } from './telemetry/fake-diag.ts';

/** What detects a deadlock, and the kinds of waits it detects it in. */
const NEVER_SHED: readonly Feature[] = ['locks', 'atomics', 'web_locks', 'promise_locks', 'detectors'];

let nowNs: number;
let usage: { cpuNs: number | undefined; memoryBytes: number };
let running: Set<Feature>;
let shed: readonly Feature[];
let isOff: boolean;
let diag: FakeDiag;
let logs: LogRecord[];
let breaker: Breaker;

beforeEach(() => {
  nowNs = 0;
  usage = { cpuNs: 5e9, memoryBytes: 0 };
  running = new Set(FEATURES);
  shed = [];
  isOff = false;
  diag = new FakeDiag();
  logs = [];
  breaker = new Breaker(
    {
      limits: { maxCpu: 0.05, maxMemoryMb: 96 },
      usage: () => usage,
      switches: {
        get isOff() {
          return isOff;
        },
        isOn: (feature) => running.has(feature) && !shed.includes(feature),
        shed: (features) => {
          shed = features;
        },
      },
      diag,
      emitLog: (record) => logs.push(record),
    },
    nowNs,
  );
});

/** Windows in which the agent uses so many cores and megabytes. */
function pass(windows: number, cores: number, memoryMb = 10): void {
  for (let i = 0; i < windows; i++) {
    /* Ten times a second, as it is called. */
    for (let poll = 0; poll < 100; poll++) {
      nowNs += 1e8;
      usage = { cpuNs: (usage.cpuNs ?? 0) + cores * 1e8, memoryBytes: memoryMb * 2 ** 20 };
      breaker.check(nowNs);
    }
  }
}

describe('the order', () => {
  it('holds every feature but those that detect a deadlock, once', () => {
    expect(SHEDDING_ORDER.toSorted()).toEqual(FEATURES.filter((feature) => !NEVER_SHED.includes(feature)).toSorted());
  });

  it('is followed, one feature every half minute, among those that run', () => {
    running = new Set(['gc', 'threads', 'cpu', 'locks', 'detectors']);
    pass(2, 0.06);
    expect(shed).toEqual([]);
    pass(1, 0.06);
    expect(shed).toEqual(['cpu']);
    pass(3, 0.06);
    expect(shed).toEqual(['cpu', 'gc']);
    pass(3, 0.06);
    expect(shed).toEqual(['cpu', 'gc', 'threads']);
    pass(30, 1);
    expect(shed).toEqual(['cpu', 'gc', 'threads']);
    expect(diag.lines.filter((line) => line.includes('nothing left'))).toHaveLength(1);
  });
});

describe('a feature is shed', () => {
  it('for CPU, and that is said once with the reason, and logged', () => {
    pass(3, 0.06);
    expect(shed).toEqual(['races']);
    expect(diag.lines).toEqual(['warn races is shed: the agent uses 0.060 of a core, GRIDWATCH_MAX_CPU is 0.05']);
    expect(logs).toMatchObject([
      {
        eventName: 'gridwatch.agent.degraded',
        attributes: { 'gridwatch.feature': 'races', 'gridwatch.reason': 'budget' },
        key: 'races',
      },
    ]);
  });

  it('for memory', () => {
    pass(3, 0, 97);
    expect(diag.lines).toEqual(['warn races is shed: the agent uses 97 MB, GRIDWATCH_MAX_MEMORY_MB is 96']);
  });

  it('not for a burst, nor at the limit', () => {
    for (let i = 0; i < 5; i++) {
      pass(2, 1);
      pass(1, 0.05);
    }
    expect(shed).toEqual([]);
  });

  it('not while the agent is switched off', () => {
    isOff = true;
    pass(10, 1);
    expect(shed).toEqual([]);
    isOff = false;
    pass(1, 1);
    expect(shed).toEqual(['races']);
  });

  it('by other limits, once they hold', () => {
    pass(9, 0.04);
    breaker.limit({ maxCpu: 0.01, maxMemoryMb: 96 });
    pass(3, 0.04);
    expect(shed).toEqual(['races']);
  });

  it('not where CPU time cannot be measured', () => {
    for (let i = 0; i < 20; i++) {
      nowNs += 10e9;
      usage = { cpuNs: undefined, memoryBytes: 0 };
      breaker.check(nowNs);
    }
    expect(shed).toEqual([]);
  });
});

describe('a feature comes back', () => {
  beforeEach(() => {
    pass(6, 0.06);
  });

  it('after a minute well within the budget, the last one first', () => {
    pass(5, 0.03);
    expect(shed).toEqual(['races', 'energy']);
    pass(1, 0.03);
    expect(shed).toEqual(['races']);
    expect(diag.lines.at(-1)).toBe('info energy is back: the agent is well within its budget');
    pass(6, 0.03);
    expect(shed).toEqual([]);
    pass(20, 0.03);
    expect(shed).toEqual([]);
  });

  it('not while the agent is only just within it', () => {
    pass(100, 0.045);
    expect(shed).toEqual(['races', 'energy']);
  });

  it('later and later when it has to be shed again, and each is said once', () => {
    const windows: number[] = [];
    for (let round = 0; round < 8; round++) {
      let waited = 0;
      while (shed.length === 2) {
        pass(1, 0.01);
        waited++;
      }
      windows.push(waited);
      pass(3, 0.06);
    }
    expect(windows).toEqual([6, 12, 24, 48, 96, 192, 360, 360]);
    expect(diag.lines.filter((line) => line.includes('energy'))).toHaveLength(2);
  });
});
