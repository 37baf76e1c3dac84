/** Whether something that is looked at now and then grows: by the median of all slopes (Theil and Sen), which single outliers do not move. Pure functions. */
export interface Trend {
  /** What it was in the middle of the time. */
  readonly median: number;
  /** How much more it was at the end than at the beginning, by the slope. */
  readonly growth: number;
  /** The 95 % interval of the growth, by Kendall's tau (Sen 1968). */
  readonly low: number;
  readonly high: number;
}

/** A moment, in any unit, and the value then. */
export type Point = readonly [number, number];

/** Of points in order of time; it takes four or more. */
export function trendOf(points: readonly Point[]): Trend {
  const slopes: number[] = [];
  for (const [i, [at, value]] of points.entries())
    for (const [laterAt, later] of points.slice(i + 1)) slopes.push((later - value) / (laterAt - at));
  slopes.sort((a, b) => a - b);
  const n = points.length;
  const spread = 1.96 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const slopeAt = (rank: number): number =>
    slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(rank)))] as number;
  const elapsed = (points.at(-1) as Point)[0] - (points[0] as Point)[0];
  return {
    median: medianOf(points.map(([, value]) => value)),
    growth: medianOf(slopes) * elapsed,
    low: slopeAt((slopes.length - spread) / 2 - 1) * elapsed,
    high: slopeAt((slopes.length + spread) / 2) * elapsed,
  };
}

/** Points of one slice of time become one: neighbours are not independent, and a garbage collector's teeth are no trend. */
export function thinned(points: readonly Point[], slice: number): Point[] {
  const slices = new Map<number, Point[]>();
  for (const point of points) {
    const key = Math.floor(point[0] / slice);
    slices.set(key, [...(slices.get(key) ?? []), point]);
  }
  return [...slices].map(([key, group]) => [(key + 0.5) * slice, medianOf(group.map(([, value]) => value))]);
}

/** It grows when it surely does, and by more than `tolerance` of itself. */
export function isGrowing({ median, growth, low }: Trend, tolerance: number): boolean {
  return low > 0 && growth > median * tolerance;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}
