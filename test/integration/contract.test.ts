/**
 * The catalog held against what a real process sends, row by row: names, instruments, units, attributes and their types, zeros, temporality, histograms,
 * start times, resource, and which feature takes what away. What this machine has not is named.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ANY_LOG,
  ANY_SPAN,
  ATTRIBUTES,
  type AttributeDefinition,
  LOG_EVENTS,
  type LogDefinition,
  METRICS,
  type MetricDefinition,
  OTHER,
  RESOURCE,
  SPANS,
  type SpanDefinition,
} from '../../agent/agent-thread/telemetry/catalog.ts';
import type { OtlpAttributes, OtlpMetric, OtlpPoint } from '../../agent/cli/otlp-decode.ts';
import type { Feature } from '../../agent/config/options.ts';
import { eventually } from '../support/eventually.ts';
import { defaultNode } from '../support/nodes.ts';
import { type ObservedProgram, startObserved } from '../support/observe.ts';

const APP = fileURLToPath(new URL('../fixtures/apps/contract.cjs', import.meta.url));
const DEADLINE_MS = 60_000;
const ARGS = ['--expose-gc', APP];
const ENV = {
  OTEL_METRIC_EXPORT_INTERVAL: '1000',
  OTEL_METRIC_EXPORT_TIMEOUT: '1000',
  GRIDWATCH_HOST_METRICS: 'on',
  GRIDWATCH_CARBON_INTENSITY: '400',
  GRIDWATCH_LOG: 'off',
};

const metrics = METRICS as Record<string, MetricDefinition>;
const attributes = ATTRIBUTES as Record<string, AttributeDefinition>;
const spans = Object.entries(SPANS as Record<string, SpanDefinition>);
const logs = LOG_EVENTS as Record<string, LogDefinition>;

/** Metrics that not every machine has. */
const group =
  process.platform === 'linux' ? /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] : undefined;
const isInGroup = existsSync(`/sys/fs/cgroup${group ?? ''}/cgroup.type`);
const MAY_LACK: Readonly<Record<string, boolean>> = {
  'gridwatch.thread.memory.allocated': defaultNode().major < 26,
  'system.cpu.frequency': !existsSync('/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq'),
  'container.cpu.time': !isInGroup,
  'container.memory.usage': !isInGroup,
  'container.memory.working_set': !isInGroup,
  // A group may be without limits.
  'gridwatch.container.memory.limit': true,
  'gridwatch.cpu.quota.limit': true,
  'gridwatch.cpu.quota.periods': true,
  'gridwatch.cpu.quota.throttled_periods': true,
  'gridwatch.cpu.throttled.time': true,
  'gridwatch.pressure.time': !existsSync('/proc/pressure/cpu'),
};

let program: ObservedProgram;

beforeAll(async () => {
  program = await startObserved({ args: ARGS, env: ENV, deadlineMs: 150_000 });
  await program.running.waitForOutput('done');
  const wanted = Object.keys(metrics).filter((name) => MAY_LACK[name] !== true);
  const missing = (): string[] => {
    const arrived = new Set(program.observed.metrics.map(({ name }) => name));
    return wanted.filter((name) => !arrived.has(name));
  };
  await eventually(
    'every metric',
    () => missing().length === 0 && has('gc major') && has('eventloop.blocked') && has('deadlock'),
    {
      deadlineMs: DEADLINE_MS,
    },
  ).catch((error: unknown) => {
    throw new Error(`missing: ${missing().join(', ')}; spans: ${spanNames().join(', ')}`, { cause: error });
  });
}, 150_000);

afterAll(async () => program[Symbol.asyncDispose]());

const spanNames = (): string[] => [...new Set(program.observed.spans.map(({ name }) => name))];
const has = (span: string): boolean => spanNames().includes(span);
const arrived = (name: string): OtlpMetric[] => program.observed.metrics.filter((metric) => metric.name === name);

/** What is wrong with these attributes, by the catalog. */
function problemsOf(given: OtlpAttributes, allowed: readonly string[]): string[] {
  return Object.entries(given).flatMap(([key, value]) => {
    const definition = attributes[key];
    if (definition === undefined || !allowed.includes(key)) return [`${key} is not in the catalog here`];
    const { type, values } = definition;
    const isOfType = type === 'int' ? Number.isInteger(value) : typeof value === (type === 'double' ? 'number' : type);
    if (!isOfType) return [`${key} is ${JSON.stringify(value)}, no ${type}`];
    return values !== undefined && !values.includes(value as string)
      ? [`${key} cannot be ${JSON.stringify(value)}`]
      : [];
  });
}

const isString = (value: unknown): boolean => typeof value === 'string';

describe('metrics', () => {
  const INSTRUMENTS = { counter: 'sum', updowncounter: 'sum', gauge: 'gauge', histogram: 'histogram' } as const;

  it('are those of the catalog and no others', () => {
    expect([...new Set(program.observed.metrics.map(({ name }) => name))].filter((name) => !(name in metrics))).toEqual(
      [],
    );
  });

  it.each(Object.entries(metrics).filter(([name]) => MAY_LACK[name] !== true))(
    '%s is as the catalog says',
    (name, definition) => {
      const { instrument, unit, brief, isInteger, optional } = definition;
      for (const metric of arrived(name)) {
        expect(metric).toMatchObject({
          unit,
          description: brief,
          kind: INSTRUMENTS[instrument],
          isMonotonic: instrument === 'counter',
          temporality: instrument === 'gauge' ? 'unspecified' : 'cumulative',
          scope: { name: 'gridwatch' },
        });
        for (const point of metric.points) {
          expect(problemsOf(point.attributes, definition.attributes)).toEqual([]);
          const left = definition.attributes.filter(
            (key) => !(key in point.attributes) && optional?.includes(key) !== true,
          );
          if (!Object.values(point.attributes).includes(OTHER)) expect(left).toEqual([]);
          expect(point.valueType).toBe(instrument === 'histogram' ? '' : isInteger === true ? 'int' : 'double');
          expect(point.startUnixNs).toBeLessThan(point.timeUnixNs);
        }
      }
    },
  );

  it('that alerts read are there from the first export, as 0 in every combination', () => {
    const first = (name: string): Map<string, number> => {
      const [metric] = arrived(name);
      return new Map(
        metric?.points.map((point) => [(Object.values(point.attributes)[0] ?? '') as string, point.value]),
      );
    };
    expect([...first('gridwatch.thread.exits').keys()].toSorted()).toEqual(
      ['', 'exit_code', 'out_of_memory', 'terminated', 'uncaught'].toSorted(),
    );
    const kinds = attributes['gridwatch.record.kind']?.values ?? [];
    expect(first('gridwatch.agent.dropped')).toEqual(new Map(kinds.map((kind) => [kind, 0])));
    expect(first('gridwatch.agent.restarts')).toEqual(new Map([['', 0]]));
    expect([...first('gridwatch.agent.export.failures').values()]).toEqual([0, 0, 0]);
  });

  it('begin with the agent, and those of a later thread with the thread', () => {
    const startOf = (thread: string): bigint | undefined =>
      program.observed.series('gridwatch.thread.cpu.time', { 'thread.name': thread })[0]?.startUnixNs;
    const [main = 0n, late = 0n] = [startOf('main'), startOf('late')];
    expect(late - main).toBeGreaterThan(1_000_000_000n);
    const states = program.observed.states('late');
    const newest = program.observed.series('gridwatch.thread.state.time', { 'thread.name': 'late' })[0];
    const livedS = Object.values(states).reduce((sum, value) => sum + value, 0);
    // The thread was born within the interval at whose beginning its series begins.
    expect(livedS).toBeLessThanOrEqual(Number((newest?.timeUnixNs ?? 0n) - late) / 1e9 + 0.05);
  });

  it('tell who ended how', () => {
    expect(program.observed.sum('gridwatch.thread.exits', { 'error.type': 'exit_code' })).toBe(1);
    expect(program.observed.sum('gridwatch.thread.exits')).toBe(2);
  });

  it('are as many as the agent says', () => {
    const newest = arrived('gridwatch.agent.series').at(-1)?.points[0]?.value ?? 0;
    expect(newest).toBeGreaterThan(100);
    expect(newest).toBeLessThanOrEqual(3000);
  });
});

describe('spans', () => {
  it('are of every kind, and each as the catalog says', () => {
    const patterns = spans.map(([name, definition]) => {
      const pattern = new RegExp(`^${name.replaceAll('.', '\\.').replace(/<\w+>/, '.+')}$`);
      return { name, definition, pattern };
    });
    const seen = new Set<string>();
    for (const span of program.observed.spans) {
      const found = patterns.find(({ pattern }) => pattern.test(span.name));
      if (found === undefined) throw new Error(`${span.name} is not in the catalog`);
      seen.add(found.name);
      expect(problemsOf(span.attributes, [...found.definition.attributes, ...ANY_SPAN])).toEqual([]);
      expect(span.attributes['thread.name'] === undefined).toBe(span.attributes['thread.id'] === undefined);
      expect(span.kind).toBe(found.definition.kind ?? 'internal');
    }
    expect([...seen].toSorted()).toEqual(Object.keys(SPANS).toSorted());
  });
});

describe('log records', () => {
  it('are as the catalog says', () => {
    const severities = { info: 9, warn: 13, error: 17 };
    expect(program.observed.logs.length).toBeGreaterThan(0);
    for (const log of program.observed.logs) {
      const definition = logs[log.eventName];
      if (definition === undefined) throw new Error(`${log.eventName} is not in the catalog`);
      expect(log.severityNumber).toBe(severities[definition.severity]);
      expect(problemsOf(log.attributes, [...definition.attributes, ...ANY_LOG])).toEqual([]);
    }
  });
});

describe('a worker that fails', () => {
  it.each([
    ['failing', 'exit_code', 3],
    ['unborn', 'uncaught', 1],
  ])('%s has a log record and an incident that say how', (name, error, exitCode) => {
    const sought = { 'thread.name': name, 'error.type': error, 'gridwatch.thread.exit_code': exitCode };
    const records = program.observed.logs.filter(({ attributes: its }) => its['thread.name'] === name);
    expect(records.map(({ attributes: its }) => its)).toMatchObject([sought]);
    const incidents = program.observed.spans.filter(
      ({ name: span, attributes: its }) => span === 'incident gridwatch.thread.failed' && its['thread.name'] === name,
    );
    expect(incidents).toMatchObject([{ status: 'error', attributes: sought }]);
  });
});

describe('the resource', () => {
  it('is one, and has the attributes of the catalog but for those nobody asked for', () => {
    const all = [...program.observed.metrics, ...program.observed.spans, ...program.observed.logs].map(
      ({ resource }) => resource,
    );
    expect(new Set(all.map((resource) => JSON.stringify(resource))).size).toBe(1);
    const names = Object.keys(all[0] ?? {});
    /* What a machine does not tell of its hardware is left out. */
    const isOfHardware = (name: string): boolean => /^(?:host\.cpu|gridwatch\.host)\./.test(name);
    const asked = Object.keys(RESOURCE).filter((name) => name !== 'host.id' && !isOfHardware(name));
    expect(names.filter((name) => !isOfHardware(name)).toSorted()).toEqual(asked.toSorted());
    expect(names).toContain('gridwatch.host.memory.size');
    const isOfType = { string: isString, int: Number.isInteger, double: Number.isFinite };
    for (const [name, value] of Object.entries(all[0] ?? {})) {
      const { type } = (RESOURCE as Record<string, { type: keyof typeof isOfType }>)[name] ?? {};
      expect([name, type !== undefined && isOfType[type](value)]).toEqual([name, true]);
    }
  });
});

describe('by variable', () => {
  it('counters and histograms are deltas, exponential ones where that is asked for', async () => {
    const env = {
      ...ENV,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
    };
    await using delta = await startObserved({ args: ['-e', 'setInterval(() => {}, 100)'], env });
    const { observed } = delta;
    const ofAgent = (): OtlpPoint[] =>
      observed.metrics.filter(({ name }) => name === 'gridwatch.agent.cpu.time').flatMap(({ points }) => points);
    await eventually('four exports', () => ofAgent().length >= 4, { deadlineMs: DEADLINE_MS });
    for (const { name, kind, temporality } of observed.metrics) {
      const { instrument } = metrics[name] as MetricDefinition;
      const isDelta = instrument === 'counter' || instrument === 'histogram';
      const expected = instrument === 'gauge' ? 'unspecified' : isDelta ? 'delta' : 'cumulative';
      expect([name, temporality]).toEqual([name, expected]);
      if (instrument === 'histogram') expect([name, kind]).toEqual([name, 'exponential_histogram']);
    }
    for (const [i, { startUnixNs, value }] of ofAgent().entries()) {
      if (i > 0) expect(startUnixNs).toBe(ofAgent()[i - 1]?.timeUnixNs);
      expect(value).toBeLessThan(2);
    }
  });

  it.each<Feature>(['threads', 'gc', 'eventloop', 'heap', 'cpu'])(
    'only %s runs, and nothing else is told of',
    async (feature) => {
      const env = { ...ENV, GRIDWATCH_FEATURES: feature, GRIDWATCH_IDENTITY_WAIT_MS: '0' };
      const script = 'const timer = setInterval(gc, 50); process.stdin.resume().on("end", () => clearInterval(timer))';
      await using one = await startObserved({ args: ['--expose-gc', '-e', script], env, isInputOpen: true });
      await one.receiver.waitFor('what the feature tells', (receiver) =>
        receiver.metrics.some(({ name }) => metrics[name]?.feature === feature),
      );
      one.running.endInput();
      await one.running.ended;
      const names = [...new Set(one.observed.metrics.map(({ name }) => name))];
      const features = new Set(names.flatMap((name) => metrics[name]?.feature ?? []));
      expect([...features]).toEqual([feature]);
      expect(names).toContain('gridwatch.agent.uptime');
    },
  );
});
