/** The registry: what sources write is what leaves, within the limits. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QueueTotals } from '../../../../agent/agent-thread/model/queue-totals.ts';
import type { MetricSink } from '../../../../agent/agent-thread/telemetry/metrics.ts';
import { HistogramTotal } from '../../../../agent/shared-memory/histogram.ts';
import { QUEUE_KINDS } from '../../../../agent/shared-memory/queue-cells.ts';
import { DIRECTIONS } from '../../../../agent/shared-memory/queue-records.ts';
import { setUp } from './set-up-registry.ts';

const cpuTime = (sink: MetricSink, name: string, ns: number): void =>
  sink.sum('gridwatch.thread.cpu.time', { 'thread.name': name, 'cpu.mode': 'user' }, ns);

describe('values', () => {
  test('nanoseconds become seconds', () => {
    const { collect } = setUp();
    expect(collect('gridwatch.thread.cpu.time', (sink) => cpuTime(sink, 'main', 1.5e9))).toEqual(
      new Map([['main user', 1.5]]),
    );
  });

  test('a counter that goes back has begun again', () => {
    const { collect } = setUp();
    collect('gridwatch.thread.cpu.time', (sink) => cpuTime(sink, 'main', 5e9));
    expect(collect('gridwatch.thread.cpu.time', (sink) => cpuTime(sink, 'main', 2e9)).get('main user')).toBe(7);
  });

  test('a series that is not written is not exported, and goes on when it is written again', () => {
    const { collect } = setUp();
    collect('gridwatch.thread.cpu.time', (sink) => cpuTime(sink, 'main', 5e9));
    expect(collect('gridwatch.thread.cpu.time', () => {}).size).toBe(0);
    expect(collect('gridwatch.thread.cpu.time', (sink) => cpuTime(sink, 'main', 6e9)).get('main user')).toBe(6);
  });

  test('what is not a number is left out', () => {
    const { collect } = setUp();
    expect(collect('process.uptime', (sink) => sink.gauge('process.uptime', {}, Number.NaN)).size).toBe(0);
  });

  test('counters that alerts read are there from the first collection, as zero', () => {
    const { collect } = setUp();
    expect(collect('gridwatch.thread.exits', () => {})).toEqual(
      new Map([
        ['exit_code', 0],
        ['uncaught', 0],
        ['terminated', 0],
        ['out_of_memory', 0],
        ['', 0],
      ]),
    );
    expect(collect('gridwatch.agent.dropped', () => {}).get('span')).toBe(0);
  });

  test('but not those of a feature that is off', () => {
    const { collect } = setUp({ isOn: () => false });
    expect(collect('gridwatch.thread.exits', () => {}).size).toBe(0);
    expect(collect('gridwatch.agent.dropped', () => {}).get('span')).toBe(0);
  });

  test('nor those of what is left to others, or to nobody', () => {
    const { registry, collect } = setUp();
    registry.leave(['gridwatch.thread.exits']);
    expect(collect('gridwatch.thread.exits', (sink) => sink.sum('gridwatch.thread.exits', {}, 3)).size).toBe(0);
  });

  test('a source may write only what the catalog lists; its failure does not touch the others', () => {
    const { registry, collect, errors } = setUp();
    registry.addSource({ collect: (sink) => sink.gauge('process.uptime', {}, 1e9) });
    const uptime = collect('process.uptime', (sink) => sink.sum('gridwatch.thread.cpu.time', { 'thread.id': 1 }, 1));
    expect(uptime.get('')).toBe(1);
    expect(String(errors[0])).toContain('gridwatch.thread.cpu.time has no attribute thread.id');
  });
});

describe('limits', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `worker-${i}`);

  test('beyond 32 threads the rest share _OTHER, and their counters add up', () => {
    const { collect, limited } = setUp();
    const times = collect('gridwatch.thread.cpu.time', (sink) => {
      for (const name of names(40)) cpuTime(sink, name, 1e9);
    });
    expect(times.size).toBe(33);
    expect(times.get('_OTHER user')).toBe(8);
    expect(limited).toEqual([['threads', 8]]);
  });

  test('gauges of the others take the greatest value, and numbers are left out of their attributes', () => {
    const { collect } = setUp();
    const frequencies = collect('system.cpu.frequency', (sink) => {
      for (let cpu = 0; cpu < 600; cpu++) sink.gauge('system.cpu.frequency', { 'cpu.logical_number': cpu }, cpu);
    });
    expect(frequencies.get('0')).toBe(0);
    expect(frequencies.get('')).toBe(599);
    expect(frequencies.size).toBeLessThanOrEqual(400);
  });

  test('updowncounters of the others are the sum of the current values', () => {
    const { collect } = setUp();
    const disabled = (count: number) => (sink: MetricSink) => {
      for (let i = 0; i < count; i++) {
        sink.sum('gridwatch.agent.feature.disabled', { 'gridwatch.feature': `f${i}`, 'gridwatch.reason': 'failed' }, 1);
      }
    };
    const many = collect('gridwatch.agent.feature.disabled', disabled(600));
    expect([...many.values()].reduce<number>((sum, value) => sum + (value as number), 0)).toBe(600);
    const few = collect('gridwatch.agent.feature.disabled', disabled(500));
    expect([...few.values()].reduce<number>((sum, value) => sum + (value as number), 0)).toBe(500);
  });

  test('the series of one export are never more than the limit', () => {
    const { collect, registry } = setUp({ maxSeries: 300 });
    const histogram = new HistogramTotal('gc');
    histogram.record(1e6);
    const write = (sink: MetricSink): void => {
      for (const name of names(30)) {
        cpuTime(sink, name, 1e9);
        for (const type of ['minor', 'major']) {
          sink.histogram('v8js.gc.duration', { 'thread.name': name, 'v8js.gc.type': type }, histogram);
        }
      }
    };
    collect('v8js.gc.duration', write);
    collect('v8js.gc.duration', write);
    // 100 for threads: three names of 1 + 2 x 14, and _OTHER with as many; some of the rest's 40.
    expect(registry.seriesCount).toBeLessThanOrEqual(100 + 29 + 40);
  });

  test('the limit may change while the program runs', () => {
    const { collect, registry } = setUp();
    const write = (sink: MetricSink): void => {
      for (const name of names(30)) cpuTime(sink, name, 1e9);
    };
    expect(collect('gridwatch.thread.cpu.time', write).size).toBe(30);
    registry.limit(30);
    collect('gridwatch.thread.cpu.time', write);
    const few = collect('gridwatch.thread.cpu.time', write);
    expect(few.size).toBeLessThanOrEqual(11);
    expect(few.has('_OTHER user')).toBe(true);
    registry.limit(3000);
    for (let round = 2; round < 12; round++) {
      collect('gridwatch.thread.cpu.time', (sink) => {
        for (const name of names(30)) cpuTime(sink, name, round * 1e9);
      });
    }
    expect(collect('gridwatch.thread.cpu.time', write).size).toBeGreaterThanOrEqual(30);
  });

  test('those that always keep theirs are among the 32, also when they come last', () => {
    const { collect } = setUp();
    const write = (sink: MetricSink): void => {
      for (const name of [...names(40), 'main', 'agent', 'libuv', 'v8', 'other']) cpuTime(sink, name, 1e9);
    };
    const times = collect('gridwatch.thread.cpu.time', write);
    expect(times.size).toBe(33);
    for (const name of ['main', 'agent', 'libuv', 'v8', 'other']) expect(times.has(`${name} user`)).toBe(true);
  });

  test('main always keeps its series', () => {
    const { collect } = setUp();
    const times = collect('gridwatch.thread.cpu.time', (sink) => {
      for (const name of names(40)) cpuTime(sink, name, 1e9);
      cpuTime(sink, 'main', 0);
    });
    expect(times.has('main user')).toBe(true);
  });

  test('within a minute or two the busiest have series of their own', () => {
    const { collect } = setUp();
    let times = new Map<string, unknown>();
    for (let round = 1; round < 12; round++) {
      times = collect('gridwatch.thread.cpu.time', (sink) => {
        for (const [i, name] of names(40).entries()) cpuTime(sink, name, round * (i < 8 ? 1e6 : 1e9));
      });
    }
    for (const name of names(40).slice(8)) expect(times.has(`${name} user`)).toBe(true);
    for (const name of names(8)) expect(times.has(`${name} user`)).toBe(false);
  });

  test('a source may write to _OTHER itself', () => {
    const { collect } = setUp();
    const times = collect('gridwatch.thread.cpu.time', (sink) => {
      cpuTime(sink, '_OTHER', 5e9);
      for (const name of names(33)) cpuTime(sink, name, 1e9);
    });
    expect(times.get('_OTHER user')).toBe(6);
  });

  test('a series begins when it was not there yet: with the agent, or at the collection before its first', () => {
    const { clock, registry, collect } = setUp();
    const startOf = (name: string): unknown =>
      [...(registry.metrics.get('gridwatch.thread.cpu.time')?.exported.values() ?? [])].find(
        ({ attributes }) => attributes['thread.name'] === name,
      )?.startTime;
    collect('gridwatch.thread.cpu.time', (sink) => cpuTime(sink, 'early', 1));
    const firstNs = clock.ns;
    collect('gridwatch.thread.cpu.time', (sink) => cpuTime(sink, 'late', 1));
    expect(startOf('early')).toEqual(registry.startTime);
    expect(startOf('late')).toEqual(clock.toHrTime(firstNs));
  });

  test('names that come and go for ever are forgotten', () => {
    const { collect, dropped, registry } = setUp({ maxSeries: 300 });
    for (let round = 0; round < 100; round++) {
      collect('gridwatch.thread.cpu.time', (sink) => {
        for (let i = 0; i < 100; i++) cpuTime(sink, `job-${round}-${i}`, 1e9);
      });
    }
    expect(dropped()).toBe(0);
    const held = [...registry.metrics.values()].reduce((sum, { sources }) => sum + sources.size, 0);
    expect(held).toBeLessThanOrEqual(16 * 300);
  });

  test('more names at once than may be written are dropped and counted', () => {
    const { collect, dropped } = setUp({ maxSeries: 300 });
    collect('gridwatch.thread.cpu.time', (sink) => {
      for (let i = 0; i < 5000; i++) cpuTime(sink, `job-${i}`, 1e9);
    });
    expect(dropped()).toBeGreaterThan(0);
  });
});

test('increments are conserved: what readers see of a counter grows by what its sources counted', () => {
  const rounds = fc.array(fc.array(fc.nat({ max: 1000 }), { minLength: 50, maxLength: 50 }), {
    minLength: 3,
    maxLength: 30,
  });
  fc.assert(
    fc.property(rounds, (increments) => {
      const { collect } = setUp();
      const totals = new Array<number>(50).fill(0);
      const seen = new Map<string, number>();
      let grown = 0;
      for (const round of increments) {
        const times = collect('gridwatch.thread.cpu.time', (sink) => {
          for (const [i, increment] of round.entries()) {
            const total = (totals[i] ?? 0) + increment;
            totals[i] = total;
            cpuTime(sink, `worker-${i}`, total * 1e9);
          }
        });
        for (const [key, value] of times) {
          const before = seen.get(key) ?? 0;
          // A series that left and came back begins at zero again, as a reset that every backend understands.
          grown += (value as number) >= before ? (value as number) - before : (value as number);
          seen.set(key, value as number);
        }
        for (const key of seen.keys()) if (!times.has(key)) seen.delete(key);
      }
      expect(grown).toBe(totals.reduce((sum, value) => sum + value, 0));
    }),
    { numRuns: 50 },
  );
});

describe('queues', () => {
  /** Every kind of queue in every direction, and of each so many names with all that they can have. */
  function manyQueues(names: number): QueueTotals {
    const totals = new QueueTotals();
    for (const kind of QUEUE_KINDS) {
      for (const direction of DIRECTIONS) {
        for (let i = 0; i < names; i++) {
          const total = totals.of(`${kind}-${i}`, kind, direction);
          Object.assign(total, { arrivals: 100 + i, rejections: 1, aborts: 1 });
          total.holds(1, 1e9, 10);
          total.use.has(1, 2, 3);
          for (const histogram of [total.waits, total.services, total.serialises]) histogram.record(1e6);
        }
      }
    }
    return totals;
  }

  test('of any number keep within their share, in all kinds and directions there are, and nothing of what they counted is lost', () => {
    const { collect, registry, errors, dropped } = setUp();
    const totals = manyQueues(15);
    const arrivals = [...totals].reduce((sum, total) => sum + total.arrivals, 0);
    for (let i = 0; i < 10; i++) {
      const sent = collect('gridwatch.queue.arrivals', (sink) => totals.emit(sink, (i + 1) * 15e9, () => true));
      expect(registry.seriesCount).toBeLessThanOrEqual(600);
      expect([...sent.values()].reduce<number>((sum, value) => sum + (value as number), 0)).toBe(arrivals);
    }
    expect([errors, dropped()]).toEqual([[], 0]);
  });

  test('that share their series have no direction: of many ports together it says nothing', () => {
    const { collect } = setUp();
    const totals = manyQueues(15);
    const sent = collect('gridwatch.queue.size', (sink) => totals.emit(sink, 15e9, () => true));
    const others = [...sent.keys()].filter((key) => key.startsWith('_OTHER'));
    expect(others.toSorted()).toEqual(QUEUE_KINDS.map((kind) => `_OTHER ${kind}`).toSorted());
  });
});
