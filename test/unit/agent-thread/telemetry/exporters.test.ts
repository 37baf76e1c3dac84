/** The choke point: what an exporter is given goes into a line of its own, and the SDK never waits. */
import { describe, expect, test } from 'vitest';
import { type ExportDone, Exporters } from '../../../../agent/agent-thread/telemetry/exporters.ts';
import { eventually } from '../../../support/eventually.ts';
import { FakeDiag } from './fake-diag.ts';

const SPAN = { duration: [0, 1] };
const LOG = { body: 'text' };
const metrics = (aggregationTemporality: number) => ({
  scopeMetrics: [{ metrics: [{ aggregationTemporality, dataPoints: [{}, {}, {}] }] }],
});

/** An exporter as the SDK's are: a delegate with a serializer and a transport that retries, around one that sends. */
function fakeExporterClass() {
  const sent: unknown[] = [];
  const original: unknown[] = [];
  const transport = {
    status: 'success' as 'success' | 'retryable',
    response: undefined as Uint8Array | undefined,
    _parameters: { url: 'http://user:secret@collector:4318/v1/traces' },
    send(body: Uint8Array, timeoutMs: number) {
      sent.push([JSON.parse(Buffer.from(body).toString()), timeoutMs]);
      return Promise.resolve({ status: transport.status, ...(transport.response && { data: transport.response }) });
    },
  };
  class Exporter {
    readonly _delegate: object;

    constructor(
      delegate: object = {
        _timeout: 10_000,
        _serializer: {
          serializeRequest: (items: unknown) => Buffer.from(JSON.stringify(items)),
          deserializeResponse: (data: Uint8Array) => JSON.parse(Buffer.from(data).toString()) as object,
        },
        _transport: { send: () => Promise.reject(new Error('it would retry')), _transport: transport },
      },
    ) {
      this._delegate = delegate;
    }

    export(items: unknown, done: ExportDone): void {
      original.push(items);
      done({ code: 0 });
    }
  }
  return { Exporter, transport, sent, original };
}

function setUp() {
  const diag = new FakeDiag();
  const drops: [string, number][] = [];
  const exporters = new Exporters({
    diag,
    timeoutsMs: { traces: 3000, metrics: Infinity, logs: Infinity },
    countDrop: (kind, records) => drops.push([kind, records]),
    nowMs: Date.now,
  });
  const fake = fakeExporterClass();
  exporters.takeOver(fake.Exporter);
  return { exporters, diag, drops, ...fake };
}

describe('an exporter', () => {
  test('is done at once; the request goes out serialised, without the SDK’s own retries', async () => {
    const { exporters, Exporter, sent, original } = setUp();
    let isDone = false;
    new Exporter().export([SPAN, SPAN], (result) => (isDone = Object.is(result.code, 0)));
    expect(isDone).toBe(true);
    await exporters.flush();
    expect(original).toEqual([]);
    expect(sent).toEqual([[[SPAN, SPAN], 3000]]);
    expect(exporters.spoolBytes).toBe(0);
  });

  test('has the shorter of its own time limit and its processor’s', async () => {
    const { exporters, Exporter, sent } = setUp();
    new Exporter().export([LOG], () => {});
    await exporters.flush();
    expect(sent).toEqual([[[LOG], 10_000]]);
  });

  test('with nothing to export sends nothing', async () => {
    const { exporters, Exporter, sent } = setUp();
    new Exporter().export([], () => {});
    await exporters.flush();
    expect(sent).toEqual([]);
  });

  test('that is not what it was is left alone, and said to be', () => {
    const { Exporter, original, diag } = setUp();
    new Exporter({}).export([SPAN], () => {});
    expect(original).toEqual([[SPAN]]);
    expect(diag.lines).toHaveLength(1);
  });
});

describe('an endpoint that is not reached', () => {
  test('counts by signal; spans and logs wait, cumulative metrics do not', async () => {
    const { exporters, Exporter, transport, drops, diag } = setUp();
    transport.status = 'retryable';
    new Exporter().export([SPAN], () => {});
    new Exporter().export(metrics(1), () => {});
    await exporters.flush();
    expect(exporters.failures).toEqual({ traces: 1, metrics: 1, logs: 0 });
    expect(exporters.spoolBytes).toBe(JSON.stringify([SPAN]).length);
    expect(drops).toEqual([]);
    expect(diag.lines).toEqual(['warn cannot deliver traces to http://collector:4318: it asks to try again later']);
    transport.status = 'success';
    await exporters.flush();
    expect(exporters.spoolBytes).toBe(0);
  });

  test.each([
    ['http://user:secret@collector:4318/v1/traces?token=secret', 'http://collector:4318'],
    ['https://[::1]:4318/v1/traces', 'https://[::1]:4318'],
    ['collector:4317', 'collector:4317'],
    ['[::1]:4317', '[::1]:4317'],
    ['user:secret@collector:4317/v1/traces', 'collector:4317'],
    ['grpc://user:secret@collector:4317', 'collector:4317'],
    ['unix:///run/secret.sock', 'the endpoint'],
    ['collector:4318/in?token=a@secret/v1/traces', 'the endpoint'],
    ['user:se/secret@collector', 'the endpoint'],
  ])('is named without what may be secret in it: %s', async (url, named) => {
    const { exporters, Exporter, transport, diag } = setUp();
    Object.assign(transport, { status: 'retryable', _parameters: { url } });
    new Exporter().export([SPAN], () => {});
    await exporters.flush();
    expect(diag.lines).toEqual([`warn cannot deliver traces to ${named}: it asks to try again later`]);
  });

  test('keeps delta metrics', async () => {
    const { exporters, Exporter, transport } = setUp();
    transport.status = 'retryable';
    new Exporter().export(metrics(0), () => {});
    await exporters.flush();
    expect(exporters.spoolBytes).toBeGreaterThan(0);
  });

  test('is not asked again for cumulative metrics before its pause is over, unless somebody flushes', async () => {
    const { exporters, Exporter, transport, sent } = setUp();
    const exporter = new Exporter();
    transport.status = 'retryable';
    exporter.export(metrics(1), () => {});
    await eventually('the failure', () => exporters.failures.metrics === 1);
    exporter.export(metrics(1), () => {});
    expect(sent).toHaveLength(1);
    exporters.endPauses();
    exporter.export(metrics(1), () => {});
    await exporters.flush();
    expect(sent).toHaveLength(2);
  });
});

test.each([
  [{ partialSuccess: { rejectedSpans: '2', errorMessage: 'old' } }, [SPAN], [['span', 2]]],
  [{ partialSuccess: { rejectedLogRecords: 1 } }, [LOG], [['log', 1]]],
  [{ partialSuccess: { rejectedDataPoints: 3 } }, metrics(1), [['metric', 3]]],
  [{ partialSuccess: {} }, [SPAN], []],
  [{}, [SPAN], []],
])('of the answer %j what was left out is counted', async (answer, items, expected) => {
  const { exporters, Exporter, transport, drops } = setUp();
  transport.response = Buffer.from(JSON.stringify(answer));
  new Exporter().export(items, () => {});
  await exporters.flush();
  expect(drops).toEqual(expected);
});

test('an answer that cannot be read is none', async () => {
  const { exporters, Exporter, transport, drops, diag } = setUp();
  transport.response = Buffer.from('<html>');
  new Exporter().export([SPAN], () => {});
  await exporters.flush();
  expect(drops).toEqual([]);
  expect(diag.lines).toEqual([]);
});
