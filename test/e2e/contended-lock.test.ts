/**
 * `examples/contended-lock` through the Collector in Jaeger, with the files of `collector-config/`: whoever looks at a slow order finds the report that held the
 * lock, one click away.
 */
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type JaegerSpan, parentOf, tagOf } from '../support/jaeger-api.ts';
import { Stack } from '../support/stack.ts';
import { binariesFor } from './binaries.ts';
import { startContendedLock } from './programs.ts';

const SECONDS = 8;

it('the wait of an order is a span inside it, and linked to the report that held the lock', async (context) => {
  await using stack = await Stack.start(binariesFor(context));
  const fromMs = Date.now();
  await using program = startContendedLock({
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.collectorUrl,
    CONTENDED_SECONDS: String(SECONDS),
  });
  const { exitCode } = await program.ended;
  expect(exitCode).toBe(0);
  await eventually('the Collector to have sent all spans', () => stack.hasSentAll(), { deadlineMs: 60_000 });

  const traces = await stack.jaeger.find({ service: 'contended-lock', fromMs, limit: 10_000 });
  const spans = traces.flatMap((trace) => trace.spans);
  const byId = new Map(spans.map((span) => [span.spanID, span]));
  const of = (operation: string): JaegerSpan[] => spans.filter(({ operationName }) => operationName === operation);
  expect(of('GET /report').length).toBeGreaterThan(SECONDS);
  const waits = of('lock.wait ledger').filter((wait) => byId.get(parentOf(wait) ?? '')?.operationName === 'GET /order');
  expect(waits.length).toBeGreaterThan(0);
  for (const wait of waits) {
    const links = wait.references.filter(({ refType }) => refType === 'FOLLOWS_FROM');
    const holders = links.map(({ spanID }) => byId.get(spanID));
    expect(holders.map((holder) => holder?.operationName)).toEqual(['GET /report']);
    expect(holders[0]?.traceID).not.toBe(wait.traceID);
    expect(tagOf(wait, 'gridwatch.lock.holder.thread.name')).toBe('reporter');
    expect(tagOf(wait, 'code.file.path')).toBe('examples/contended-lock/main.js');
  }
  /* What the README says to search for: contended waits of a lock that lasted. */
  const slow = await stack.jaeger.find({
    service: 'contended-lock',
    operation: 'lock.wait ledger',
    tags: { 'gridwatch.contended': 'true' },
    fromMs,
  });
  expect(slow.length).toBeGreaterThanOrEqual(waits.length);
});
