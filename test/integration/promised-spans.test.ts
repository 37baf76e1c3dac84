/**
 * Spans whose ids the program's own spans have for their parent: whatever the sampler says, they leave with exactly these ids, in their traces; and what
 * nobody waits for obeys the sampler.
 */
import { expect, test } from 'vitest';
import type { SpanRecord } from '../../agent/agent-thread/telemetry/spans.ts';
import { to } from '../support/otlp-env-row.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { TelemetryThread } from '../support/telemetry-thread.ts';

const TRACE = 'b'.repeat(32);
const SAMPLED = { traceId: TRACE, spanId: '1'.repeat(16), traceFlags: 1 };

const MESSAGE: SpanRecord = {
  name: 'send worker-1',
  kind: 'producer',
  startNs: 1e9,
  endNs: 2e9,
  attributes: { 'gridwatch.queue.name': 'worker-1' },
  parent: SAMPLED,
  spanId: '00000000000000a1',
  children: [
    {
      name: 'process worker-1',
      kind: 'consumer',
      startNs: 2e9,
      endNs: 3e9,
      attributes: {},
      spanId: '00000000000000a2',
    },
  ],
};
const TASK: SpanRecord = {
  name: 'task jobs',
  startNs: 1e9,
  endNs: 2e9,
  attributes: {},
  error: '',
  parent: SAMPLED,
  children: [{ name: 'queue.wait jobs', startNs: 1e9, endNs: 2e9, attributes: {} }],
};

test.each<[sampler: string, argument: string]>([
  ['always_on', ''],
  ['parentbased_always_off', ''],
  ['traceidratio', '0'],
  ['always_off', ''],
])('with OTEL_TRACES_SAMPLER=%s %s', async (sampler, argument) => {
  await using receiver = await OtlpReceiver.start();
  await using thread = await TelemetryThread.start({
    ...to(receiver),
    OTEL_TRACES_SAMPLER: sampler,
    OTEL_TRACES_SAMPLER_ARG: argument,
  });
  await thread.emitSpan(MESSAGE);
  await thread.emitSpan(TASK);
  await thread.emitSpan({ ...MESSAGE, name: 'send orphan', parent: { ...SAMPLED, traceFlags: 0 } });
  const { drops } = await thread.flush();
  const byName = new Map(receiver.spans.map((span) => [span.name, span]));
  expect(byName.get('send worker-1')).toMatchObject({
    traceId: TRACE,
    spanId: '00000000000000a1',
    parentSpanId: SAMPLED.spanId,
  });
  expect(receiver.spans.find(({ spanId }) => spanId === '00000000000000a2')).toMatchObject({
    name: 'process worker-1',
    traceId: TRACE,
    parentSpanId: '00000000000000a1',
  });
  expect(drops).toEqual({});
  const task = byName.get('task jobs');
  const wait = byName.get('queue.wait jobs');
  /* A sampled parent is enough for those that ask it; and the wait goes with its task, or stays with it. */
  expect(task === undefined).toBe(sampler === 'traceidratio' || sampler === 'always_off');
  expect(wait?.parentSpanId).toBe(task?.spanId);
  expect(wait?.traceId).toBe(task?.traceId);
  /* A root: nobody else is in its trace, so that it has an id of its own, and its child is there with it. */
  const orphan = byName.get('send orphan');
  expect(orphan === undefined).toBe(sampler !== 'always_on');
  if (orphan !== undefined) {
    expect(orphan.traceId).not.toBe(TRACE);
    expect(orphan.spanId).not.toBe('00000000000000a1');
    expect(receiver.spans.some(({ parentSpanId }) => parentSpanId === orphan.spanId)).toBe(true);
  }
});

test.each<[string, Readonly<Record<string, string>>, boolean]>([
  ['leave for an endpoint', {}, true],
  ['do not leave with OTEL_TRACES_EXPORTER=none', { OTEL_TRACES_EXPORTER: 'none' }, false],
  ['do not leave with OTEL_SDK_DISABLED=true', { OTEL_SDK_DISABLED: 'true' }, false],
])('spans %s, and that is known', async (_, env, expected) => {
  await using receiver = await OtlpReceiver.start();
  await using thread = await TelemetryThread.start({ ...to(receiver), ...env });
  expect((await thread.state()).hasSpans).toBe(expected);
});
