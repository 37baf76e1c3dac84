/** Spans with ids that were given away, by the SDK's own tracer. */
import { createRequire } from 'node:module';
import type * as Api from '@opentelemetry/api';
import { expect, test } from 'vitest';
import { PromisingTracer } from '../../../../agent/agent-thread/telemetry/promising-tracer.ts';

const sdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
const { ROOT_CONTEXT } = sdk('@opentelemetry/api') as typeof Api;
/** A package that the SDK depends on, and not the agent. */
const { TracerProvider } = sdk('@opentelemetry/sdk-trace') as {
  TracerProvider: new (options: object) => Api.TracerProvider;
};
const tracer = new TracerProvider({}).getTracer('test');

test('a span has the promised id, and the next one of the SDK’s own', () => {
  const promising = new PromisingTracer(tracer);
  const ids = ['1'.repeat(16), '2'.repeat(16)];
  const started = ids.map((id) => promising.startSpan(id, 'task', {}, ROOT_CONTEXT).spanContext());
  expect(started.map(({ spanId }) => spanId)).toEqual(ids);
  expect(new Set(started.map(({ traceId }) => traceId)).size).toBe(2);
  expect(ids).not.toContain(tracer.startSpan('other', {}, ROOT_CONTEXT).spanContext().spanId);
});

test('where the SDK has no generator in its tracer a span is started all the same', () => {
  const plain = { startSpan: () => 'a span' } as unknown as Api.Tracer;
  expect(new PromisingTracer(plain).startSpan('1'.repeat(16), 'task', {}, ROOT_CONTEXT)).toBe('a span');
});
