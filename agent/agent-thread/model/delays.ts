/**
 * The event loop delays of one interval: how many, how long, how they are spread.
 *
 * Runs on the agent thread. Plain arithmetic. Least, greatest, mean and deviation are exact; a percentile lies within a cell of the histogram, whose
 * bounds are a fifth apart.
 */
import { cellBoundsS, type HistogramSnapshot } from '../../shared-memory/histogram.ts';
import type { DelayExtremes } from '../../shared-memory/loop-words.ts';

export interface DelayStatistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** In ns. Undefined when there were no delays. */
export function delayStatistics(
  histogram: HistogramSnapshot,
  { minNs, maxNs, squares }: DelayExtremes,
): DelayStatistics | undefined {
  const counts = Array.from(histogram.counts);
  const count = counts.reduce((sum, one) => sum + one, 0);
  if (count === 0) return undefined;
  const mean = histogram.sumNs / count;
  const boundsS = cellBoundsS(histogram.family);
  const quantile = (share: number): number => {
    let left = share * count;
    const cell = counts.findIndex((one) => (left -= one) <= 0);
    // The first cell holds what is too short to tell.
    if (cell <= 0) return minNs;
    const inCell = counts[cell] as number;
    const lowerNs = (boundsS[cell - 1] as number) * 1e9;
    const upperNs = Math.min((boundsS[cell] ?? Number.POSITIVE_INFINITY) * 1e9, maxNs);
    const within = lowerNs + (Math.max(lowerNs, upperNs) - lowerNs) * ((left + inCell) / inCell);
    return Math.min(maxNs, Math.max(minNs, within));
  };
  return {
    min: minNs,
    max: maxNs,
    mean,
    stddev: Math.sqrt(Math.max(0, squares / count - mean * mean)),
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
  };
}
