/** What tasks have cost: which span waits for what, at which price it goes on, and that each goes on once, whatever comes in whatever order. */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { SpanEnergy } from '../../../../agent/agent-thread/energy/span-energy.ts';
import type { SpanRecord } from '../../../../agent/agent-thread/telemetry/spans.ts';
import type { TaskCpuRecord } from '../../../../agent/shared-memory/queue-records.ts';

const MS = 1e6;

let rates: { powerPerCpuW: number; knownUntilNs: number; meanPowerPerCpuW(fromNs: number, untilNs: number): number };
/** The times that were asked about, in milliseconds. */
let asked: [number, number][];
let isOn: boolean;
let out: SpanRecord[];
let energy: SpanEnergy;

beforeEach(() => {
  asked = [];
  rates = {
    powerPerCpuW: 4,
    knownUntilNs: 0,
    meanPowerPerCpuW(fromNs, untilNs) {
      asked.push([fromNs / MS, untilNs / MS]);
      return this.powerPerCpuW;
    },
  };
  isOn = true;
  out = [];
  energy = new SpanEnergy({ emit: (span) => void out.push(span), rates, isOn: () => isOn });
});

/** From 1.1 s to 1.2 s. */
const span = (spanId: string | undefined, startMs = 1100, endMs = 1200): SpanRecord => ({
  name: 'task piscina@work.js',
  startNs: startMs * MS,
  endNs: endMs * MS,
  attributes: { 'gridwatch.task.outcome': 'done' },
  ...(spanId === undefined ? {} : { spanId }),
});

const used = (spanId: string, cpuMs: number, changes: Partial<TaskCpuRecord> = {}): TaskCpuRecord => ({
  spanId,
  beganNs: 1110 * MS,
  workedNs: 80 * MS,
  cpuNs: cpuMs * MS,
  ...changes,
});

const priced = (): [string | undefined, unknown][] =>
  out.map(({ spanId, attributes }) => [spanId, attributes['gridwatch.span.energy']]);

/** How often each is there. */
function counts(spanIds: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const spanId of spanIds) found[spanId] = (found[spanId] ?? 0) + 1;
  return found;
}

describe('a task and its CPU time', () => {
  test('wait for the reading that covers the end of the task, and are priced by it', () => {
    energy.used(used('a', 20));
    energy.served(span('a'), true);
    rates.knownUntilNs = 1199 * MS;
    for (let drain = 0; drain < 9; drain++) energy.drained((1200 + drain * 100) * MS);
    expect(out).toEqual([]);
    rates.knownUntilNs = 2199 * MS;
    rates.powerPerCpuW = 5;
    energy.drained(2200 * MS);
    expect(out).toEqual([{ ...span('a'), attributes: { ...span('a').attributes, 'gridwatch.span.energy': 0.1 } }]);
  });

  test('are priced by the time from the beginning of the work to its end', () => {
    energy.used(used('a', 20));
    energy.served(span('a'), true);
    energy.flush();
    expect(asked).toEqual([[1110, 1190]]);
  });

  test.each([0, 1])('may come the other way round, up to %i drains apart', (drains) => {
    energy.served(span('a'), true);
    rates.knownUntilNs = 1300 * MS;
    for (let drain = 0; drain < drains; drain++) energy.drained(1250 * MS);
    energy.used(used('a', 20));
    energy.drained(1300 * MS);
    expect(priced()).toEqual([['a', 0.08]]);
  });

  test('do not wait for a reading that does not come: then the last price is taken', () => {
    energy.used(used('a', 20));
    energy.served(span('a'), true);
    energy.drained(3699 * MS);
    expect(out).toEqual([]);
    energy.drained(3701 * MS);
    expect(priced()).toEqual([['a', 0.08]]);
  });

  test('of which the worker has told several times: the last one counts', () => {
    for (const cpuMs of [2, 5, 9]) energy.used(used('a', cpuMs));
    energy.served(span('a'), true);
    energy.flush();
    expect(priced()).toEqual([['a', 0.036]]);
  });

  test('of which the worker has told after its end, too: what counts is the last before it', () => {
    energy.used(used('a', 20));
    energy.used(used('a', 50, { workedNs: 900 * MS }));
    energy.served(span('a'), true);
    for (let later = 1; later <= 30; later++) energy.used(used('a', 50 + later, { workedNs: (900 + later) * MS }));
    energy.flush();
    expect(priced()).toEqual([['a', 0.08]]);
  });

  test('do not wait at a flush', () => {
    energy.served(span('b'), true);
    energy.used(used('a', 20));
    energy.served(span('a'), true);
    energy.flush();
    energy.drained(9e9);
    expect(priced()).toEqual([
      ['b', undefined],
      ['a', 0.08],
    ]);
  });
});

describe('nothing is said', () => {
  test('of a task whose worker has told nothing, which goes on after the next drain', () => {
    energy.served(span('a'), true);
    energy.drained(1200 * MS);
    expect(out).toEqual([]);
    energy.drained(1201 * MS);
    expect(priced()).toEqual([['a', undefined]]);
  });

  test('where the worker had other tasks, and none of that is kept', () => {
    energy.used(used('a', 20));
    energy.served(span('a'), false);
    expect(priced()).toEqual([['a', undefined]]);
    energy.served(span('a'), true);
    energy.flush();
    expect(priced()[1]).toEqual(['a', undefined]);
  });

  test('of a task without an id of its own', () => {
    energy.served(span(undefined), true);
    expect(priced()).toEqual([[undefined, undefined]]);
  });

  test('while energy is switched off, and of what was used meanwhile', () => {
    isOn = false;
    energy.used(used('a', 20));
    energy.served(span('a'), true);
    expect(priced()).toEqual([['a', undefined]]);
    energy.used(used('b', 20));
    isOn = true;
    energy.served(span('b'), true);
    energy.flush();
    expect(priced()[1]).toEqual(['b', undefined]);
  });

  test('where no price is known', () => {
    rates.powerPerCpuW = 0;
    energy.used(used('a', 20));
    energy.served(span('a'), true);
    energy.drained(9e9);
    expect(priced()).toEqual([['a', undefined]]);
  });

  test.each([
    ['began before the task was submitted', { beganNs: 1099 * MS }],
    ['went on after it had ended', { workedNs: 91 * MS }],
  ])('of work that %s', (_, changes) => {
    energy.used(used('a', 20, changes));
    energy.served(span('a'), true);
    energy.flush();
    expect(priced()).toEqual([['a', undefined]]);
  });
});

test('whatever comes, each span goes on once, and nothing grows without bounds', () => {
  const id = fc.integer({ min: 0, max: 12 }).map(String);
  const step = fc.oneof(
    fc.record({ do: fc.constant('used' as const), id, cpuMs: fc.integer({ min: 1, max: 80 }) }),
    fc.record({ do: fc.constant('served' as const), id, isAlone: fc.boolean() }),
    fc.record({ do: fc.constant('drained' as const), afterMs: fc.integer({ min: 1, max: 900 }) }),
    fc.record({ do: fc.constant('read' as const), powerW: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ do: fc.constant('switch' as const), isOn: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const served: string[] = [];
      const gone: SpanRecord[] = [];
      const cost = { ...rates };
      let nowNs = 1200 * MS;
      let on = true;
      const part = new SpanEnergy({ emit: (emitted) => void gone.push(emitted), rates: cost, isOn: () => on });
      for (const one of steps) {
        if (one.do === 'used') part.used(used(one.id, one.cpuMs));
        else if (one.do === 'served') {
          served.push(one.id);
          part.served(span(one.id), one.isAlone);
        } else if (one.do === 'drained') {
          nowNs += one.afterMs * MS;
          part.drained(nowNs);
        } else if (one.do === 'read') Object.assign(cost, { powerPerCpuW: one.powerW, knownUntilNs: nowNs });
        else on = one.isOn;
      }
      part.flush();
      expect(counts(gone.map(({ spanId = '' }) => spanId))).toEqual(counts(served));
      for (const { attributes } of gone) {
        const joules = attributes['gridwatch.span.energy'];
        expect(joules === undefined || (joules >= 0.001 && joules <= 9 * 0.08)).toBe(true);
      }
    }),
  );
});

test('of more than can wait for their price none goes on without one, as long as any is known', () => {
  for (let task = 0; task < 5000; task++) {
    energy.used(used(String(task), 20));
    energy.served(span(String(task)), true);
  }
  energy.flush();
  expect(out).toHaveLength(5000);
  expect(priced().filter(([, joules]) => joules !== 0.08)).toEqual([]);
});

test('of too many that wait the oldest goes on, without what it cannot wait for', () => {
  for (let task = 0; task < 2049; task++) energy.served(span(String(task)), true);
  expect(priced()).toEqual([['0', undefined]]);
  for (let task = 0; task < 3000; task++) energy.used(used(`x${task}`, 20));
  energy.served(span('x0'), true);
  energy.served(span('x2999'), true);
  energy.flush();
  expect(priced().filter(([, joules]) => joules !== undefined)).toEqual([['x2999', 0.08]]);
  expect(out).toHaveLength(2051);
});
