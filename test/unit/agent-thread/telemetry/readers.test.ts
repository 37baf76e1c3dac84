/** Readers get our metrics after the SDK's own, in the form they prefer. */
import type { CollectionResult, MetricProducer } from '@opentelemetry/sdk-metrics';
import { describe, expect, test } from 'vitest';
import { MetricRegistry } from '../../../../agent/agent-thread/telemetry/metrics.ts';
import {
  preferExponentialHistograms,
  type Reader,
  Readers,
  setConsoleInterval,
} from '../../../../agent/agent-thread/telemetry/readers.ts';
import { FakeClock } from './fake-clock.ts';

const SDK_METRICS = { resource: {}, scopeMetrics: [{ scope: { name: 'sdk' }, metrics: [] }] };

function fakeReaderClass() {
  return class implements Reader {
    producer: MetricProducer | undefined;
    flushes = 0;
    readonly temporality: number;
    _exporter: object = {};
    _exportInterval = 60_000;
    _exportTimeout = 30_000;

    constructor(temporality = 1) {
      this.temporality = temporality;
    }

    setMetricProducer(producer: MetricProducer): void {
      this.producer = producer;
    }

    selectAggregation(): { type: number } {
      return { type: 0 };
    }

    selectAggregationTemporality(instrument: string): number {
      return instrument === 'OBSERVABLE_COUNTER' ? this.temporality : 1;
    }

    forceFlush(): Promise<void> {
      this.flushes++;
      return Promise.resolve();
    }
  };
}

function setUp(errors: unknown[] = [], isDecided?: Promise<void>) {
  const clock = new FakeClock();
  const fail = (error: unknown): never => {
    throw error;
  };
  const registry = new MetricRegistry({
    clock,
    maxSeries: 3000,
    onLimit: () => {},
    onDrop: () => {},
    onSourceError: fail,
  });
  const readers = new Readers(registry, { name: 'gridwatch', version: '1' }, isDecided);
  const FakeReader = fakeReaderClass();
  readers.takeOver(FakeReader);
  const sdkProducer = {
    collect: () => Promise.resolve({ resourceMetrics: SDK_METRICS, errors } as unknown as CollectionResult),
  };
  return { registry, readers, FakeReader, sdkProducer };
}

const names = ({ resourceMetrics }: CollectionResult): string[] =>
  resourceMetrics.scopeMetrics.flatMap(({ scope, metrics }) => [
    scope.name,
    ...metrics.map(({ descriptor }) => descriptor.name),
  ]);

describe('a reader', () => {
  test('gets the SDK’s metrics, then ours', async () => {
    const { readers, registry, FakeReader, sdkProducer } = setUp(['the SDK’s']);
    registry.addSource({ collect: (sink) => sink.gauge('process.uptime', {}, 1e9) });
    const reader = new FakeReader();
    expect(readers.isEmpty).toBe(true);
    reader.setMetricProducer(sdkProducer);
    expect(readers.isEmpty).toBe(false);
    const result = await reader.producer?.collect();
    expect(names(result as CollectionResult).slice(0, 2)).toEqual(['sdk', 'gridwatch']);
    expect(names(result as CollectionResult)).toContain('process.uptime');
    expect(result?.errors).toEqual(['the SDK’s']);
  });

  test('gets nothing of ours while it is silent, and all that counted meanwhile afterwards', async () => {
    const { readers, registry, FakeReader, sdkProducer } = setUp();
    let ns = 0;
    registry.addSource({ collect: (sink) => sink.sum('process.cpu.time', { 'cpu.mode': 'user' }, (ns += 1e9)) });
    const reader = new FakeReader();
    reader.setMetricProducer(sdkProducer);
    readers.isSilent = true;
    expect(names((await reader.producer?.collect()) as CollectionResult)).toEqual(['sdk']);
    expect(ns).toBe(0);
    readers.isSilent = false;
    expect(names((await reader.producer?.collect()) as CollectionResult)).toContain('process.cpu.time');
  });

  test('waits until it is decided whether it is silent', async () => {
    let decide = (): void => {};
    const isDecided = new Promise<void>((resolve) => (decide = resolve));
    const { readers, registry, FakeReader, sdkProducer } = setUp([], isDecided);
    registry.addSource({ collect: (sink) => sink.sum('process.cpu.time', { 'cpu.mode': 'user' }, 1e9) });
    const reader = new FakeReader();
    reader.setMetricProducer(sdkProducer);
    const collected = reader.producer?.collect();
    await new Promise((done) => setImmediate(done));
    readers.isSilent = true;
    decide();
    expect(names((await collected) as CollectionResult)).toEqual(['sdk']);
  });

  test('is asked what it prefers', async () => {
    const { registry, FakeReader, sdkProducer } = setUp();
    registry.addSource({ collect: (sink) => sink.sum('process.cpu.time', { 'cpu.mode': 'user' }, 1e9) });
    const reader = new FakeReader(0);
    reader.setMetricProducer(sdkProducer);
    await reader.producer?.collect();
    const result = await reader.producer?.collect();
    const metric = result?.resourceMetrics.scopeMetrics[1]?.metrics.find(
      ({ descriptor }) => descriptor.name === 'process.cpu.time',
    );
    expect(metric).toMatchObject({ aggregationTemporality: 0, dataPoints: [{ value: 0 }] });
  });

  test('gets the SDK’s metrics also when ours fail', async () => {
    const { registry, FakeReader, sdkProducer } = setUp();
    registry.addSource({
      collect: () => {
        throw new Error('broken');
      },
    });
    const reader = new FakeReader();
    reader.setMetricProducer(sdkProducer);
    const result = await reader.producer?.collect();
    expect(names(result as CollectionResult)).toEqual(['sdk']);
    expect(String(result?.errors[0])).toContain('broken');
  });

  test('is flushed with the others', async () => {
    const { readers, FakeReader, sdkProducer } = setUp();
    const both = [new FakeReader(), new FakeReader()];
    for (const reader of both) reader.setMetricProducer(sdkProducer);
    await readers.flush();
    expect(both.map(({ flushes }) => flushes)).toEqual([1, 1]);
  });
});

test('the preference for exponential histograms yields to anything that was said', () => {
  class Exporter {
    readonly selected: number;

    constructor(selected: number) {
      this.selected = selected;
    }

    selectAggregation(): { type: number } {
      return { type: this.selected };
    }
  }
  const select = (selected: number, instrument: string): number =>
    (new Exporter(selected) as unknown as Reader).selectAggregation(instrument).type;
  preferExponentialHistograms(Exporter);
  expect(select(0, 'HISTOGRAM')).toBe(5);
  expect(select(4, 'HISTOGRAM')).toBe(4);
  expect(select(0, 'COUNTER')).toBe(0);
});

test('the interval of the environment holds for the console, and for nothing else', () => {
  const ConsoleExporter = class {
    readonly kind = 'console';
  };
  const FakeReader = fakeReaderClass();
  setConsoleInterval(FakeReader, ConsoleExporter, 500);
  const [onConsole, other] = [new FakeReader(), new FakeReader()];
  onConsole._exporter = new ConsoleExporter();
  for (const reader of [onConsole, other])
    reader.setMetricProducer({ collect: () => Promise.reject(new Error('unused')) });
  expect([onConsole._exportInterval, onConsole._exportTimeout]).toEqual([500, 500]);
  expect([other._exportInterval, other._exportTimeout]).toEqual([60_000, 30_000]);
});
