/**
 * What `collector-config/README.md` reckons with: how many bytes a span and a series have on the wire, and how many series `examples/shop` has. The page's
 * figures are held against a run of it, within a factor: they are for choosing sizes.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { OtlpMetric } from '../../agent/cli/otlp-decode.ts';
import { startObserved } from '../support/observe.ts';
import type { ReceivedRequest } from '../support/otlp-receiver.ts';

const FACTOR = 1.5;

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
    // All metrics at its end and once, those of the machine left out: there are more, the more CPUs it has.
    env: { SHOP_SECONDS: '10', OTEL_METRIC_EXPORT_INTERVAL: '60000', GRIDWATCH_EXIT_TIMEOUT_MS: '30000' },
    deadlineMs: 60_000,
  });
  await program.running.ended;
  const { spans, metrics, requests: received } = program.receiver;
  const bytesOf = (signal: ReceivedRequest['signal']): number =>
    received.filter((each) => each.signal === signal).reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  const series = seriesOf(metrics);
  const figures = {
    'series of a process': series,
    'bytes of a series in an export': bytesOf('metrics') / series,
    'bytes of a span': bytesOf('traces') / spans.length,
  };
  for (const [row, measured] of Object.entries(figures)) {
    expect([row, measured]).toEqual([row, expect.toSatisfy(within(onThePage(row), FACTOR))]);
  }
});

function within(expected: number, factor: number): (measured: unknown) => boolean {
  return (measured) => typeof measured === 'number' && measured > expected / factor && measured < expected * factor;
}
