/**
 * What `collector-config/README.md` reckons with: how many bytes a span and a series have on the wire, and how many series and spans there are of `examples/shop`. The page's
 * figures are held against a run of it, within a factor: they are for choosing sizes, and a busy machine has more waits.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { OtlpMetric } from '../../agent/cli/otlp-decode.ts';
import { startObserved } from '../support/observe.ts';
import type { ReceivedRequest } from '../support/otlp-receiver.ts';

const FACTOR = 1.5;
/** Of the agent's spans: most are of waits, and there are as many as the machine is busy. */
const SPANS_FACTOR = 3;

const PAGE = readFileSync(new URL('../../collector-config/README.md', import.meta.url), 'utf8');

/** The figure in the row of that name. */
function onThePage(row: string): number {
  const figure = new RegExp(`^\\| ${row} \\| ([\\d.]+)`, 'm').exec(PAGE)?.[1];
  if (figure === undefined) throw new Error(`the page has no row "${row}"`);
  return Number(figure);
}

/** As Prometheus counts: a histogram has a series for each bucket, its sum and its count. */
function seriesOf(metrics: readonly OtlpMetric[]): number {
  return metrics
    .flatMap(({ points }) => points)
    .reduce((total, { histogram }) => total + (histogram === undefined ? 1 : histogram.counts.length + 2), 0);
}

it("the shop's exports are as large as the page says", async () => {
  await using program = await startObserved({
    args: ['examples/shop/server.js'],
    env: { SHOP_SECONDS: '10', OTEL_METRIC_EXPORT_INTERVAL: '60000', GRIDWATCH_HOST_METRICS: 'on' },
    deadlineMs: 60_000,
  });
  const { stdout } = await program.running.ended;
  const requests = Number(/(\d+) requests answered/.exec(stdout)?.[1]);
  const { spans, metrics, requests: received } = program.receiver;
  const bytesOf = (signal: ReceivedRequest['signal']): number =>
    received.filter((each) => each.signal === signal).reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  // There is one export of all of them, at the end.
  const series = seriesOf(metrics);
  const figures = {
    'series of a process': series,
    'bytes of a series in an export': bytesOf('metrics') / series,
    'bytes of a span': bytesOf('traces') / spans.length,
  };
  for (const [row, measured] of Object.entries(figures)) {
    expect([row, measured]).toEqual([row, expect.toSatisfy(within(onThePage(row), FACTOR))]);
  }
  const ofAgent = spans.filter(({ scope }) => scope.name === 'gridwatch').length;
  expect(ofAgent / requests).toSatisfy(within(onThePage('spans of the agent for each request'), SPANS_FACTOR));
});

function within(expected: number, factor: number): (measured: unknown) => boolean {
  return (measured) => typeof measured === 'number' && measured > expected / factor && measured < expected * factor;
}
