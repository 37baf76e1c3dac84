/**
 * `examples/contended-lock` through the Collector in Jaeger and Prometheus, with the files of `collector-config/`: whoever looks at a slow order finds the report
 * that held the lock, one click away; whoever looks at the lock finds who is to blame, and the traces by the search that the alerts link to.
 */
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type JaegerSpan, parentOf } from '../support/jaeger-api.ts';
import type { PrometheusSeries } from '../support/prometheus-api.ts';
import { Stack } from '../support/stack.ts';
import { binariesFor } from './binaries.ts';
import { startContendedLock } from './programs.ts';

const SECONDS = 8;
const LOCK = 'ledger';
const EXAMPLE = 'examples/contended-lock/main.js';
const SITE = new RegExp(`^${EXAMPLE}:\\d+$`);
/** What a wait takes to have a span, in the alerts' links too. */
const THRESHOLD_US = 20_000;
/** The shipped interval of scrapes is 15 s. */
const SCRAPE = { deadlineMs: 40_000, intervalMs: 500 } as const;

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
    expect(links.map(({ traceID }) => traceID)).toEqual(holders.map((holder) => holder?.traceID));
    const tags = Object.fromEntries(wait.tags.map(({ key, value }) => [key, value]));
    expect(tags).toMatchObject({
      'thread.name': 'main',
      'gridwatch.lock.name': LOCK,
      'gridwatch.lock.kind': 'mutex',
      'gridwatch.lock.mode': 'exclusive',
      'gridwatch.wait.outcome': 'acquired',
      'gridwatch.contended': true,
      'gridwatch.lock.holder.thread.name': 'reporter',
      'gridwatch.lock.holder.site': expect.stringMatching(SITE),
      'code.file.path': EXAMPLE,
      'code.function.name': 'order',
    });
    expect(Object.entries(tags).filter(([, value]) => value === '')).toEqual([]);
  }
  expect(traces.flatMap(({ warnings }) => warnings ?? [])).toEqual([]);
  expect(await stack.jaeger.warnings('contended-lock', fromMs, Date.now())).toEqual([]);
  /* What the README says to search for: contended waits of a lock that lasted. */
  const search = { service: 'contended-lock', operation: `lock.wait ${LOCK}`, fromMs };
  const contended = await stack.jaeger.find({ ...search, tags: { 'gridwatch.contended': 'true' } });
  expect(contended.length).toBeGreaterThanOrEqual(waits.length);
  /* What the alerts link to. */
  const slow = await stack.jaeger.find({ ...search, minDuration: '20ms' });
  const isLong = ({ duration }: JaegerSpan): boolean => duration >= THRESHOLD_US;
  const longTraces = of(`lock.wait ${LOCK}`)
    .filter(isLong)
    .map(({ traceID }) => traceID);
  expect(new Set(slow.map(({ traceID }) => traceID))).toEqual(new Set(longTraces));

  const ask = async (metric: string): Promise<PrometheusSeries[] | undefined> => {
    const series = await stack.prometheus.query(`${metric}{job="contended-lock", gridwatch_lock_name="${LOCK}"}`);
    return series.length > 0 ? series : undefined;
  };
  const bucket = 'gridwatch_lock_wait_duration_seconds_bucket';
  const buckets = await eventually('Prometheus to have the waits', async () => ask(bucket), SCRAPE);
  expect(buckets.map(({ labels }) => labels['le'])).toEqual(expect.arrayContaining(['0.02', '0.25', '+Inf']));
  for (const { labels } of buckets)
    expect(labels).toMatchObject({ gridwatch_lock_kind: 'mutex', gridwatch_lock_mode: 'exclusive' });
  const blame = (await ask('gridwatch_lock_caused_wait_time_seconds_total')) ?? [];
  const [worst] = blame.toSorted((a, b) => b.value - a.value);
  expect(worst?.labels).toMatchObject({
    gridwatch_lock_kind: 'mutex',
    thread_name: 'reporter',
    gridwatch_lock_holder_site: expect.stringMatching(SITE),
  });
  const waitedS = waits.filter(isLong).reduce((sum, { duration }) => sum + duration, 0) / 1e6;
  expect(worst?.value).toBeGreaterThan(waitedS * 0.8);
});
