/**
 * How two series of paired measurements compare: the geometric mean of their ratios, and where it lies with 95 %.
 *
 * Runs in the process of `gridwatch compare`. Pure. Logarithms, because times and energies err by factors; pairs, because what slows the machine down for a
 * minute slows both of a pair. The interval is Student's: log ratios of whole runs are close to normal, and few of them need the wider tails.
 */

/** B over A. */
export interface Ratio {
  readonly ratio: number;
  /** With 95 %. */
  readonly low: number;
  readonly high: number;
}

/** Two-sided 95 % of Student's t for 1 to 30 degrees of freedom. */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
] as const;

/** Two-sided 95 % and 90 % of a normal distribution. */
const Z95 = 1.959_963_985;
const Z90 = 1.644_853_627;

/** Undefined when there are fewer than two pairs, or a value is not above 0: such a run has no ratio to another. */
export function pairedRatio(a: readonly number[], b: readonly number[]): Ratio | undefined {
  const count = Math.min(a.length, b.length);
  if (count < 2) return undefined;
  const logs = Array.from({ length: count }, (_, i) => Math.log((b[i] as number) / (a[i] as number)));
  if (!logs.every(Number.isFinite)) return undefined;
  const mean = logs.reduce((sum, log) => sum + log, 0) / count;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (count - 1);
  const half = studentT95(count - 1) * Math.sqrt(variance / count);
  return { ratio: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

/** The same ratio where each pair errs by one unknown factor more, which is at most `factor` with 90 % and is the same in all of them. */
export function widened({ ratio, low, high }: Ratio, factor: number): Ratio {
  const bound = (Math.log(factor) / Z90) * Z95;
  const half = Math.hypot((Math.log(high) - Math.log(low)) / 2, bound);
  return { ratio, low: ratio * Math.exp(-half), high: ratio * Math.exp(half) };
}

export function contains(interval: Ratio, value: number): boolean {
  return interval.low <= value && value <= interval.high;
}

/** Beyond the table, the expansion of Fisher and Cornish; its error there is below 0.0002. */
export function studentT95(degreesOfFreedom: number): number {
  const n = degreesOfFreedom;
  return T95[n - 1] ?? Z95 + (Z95 ** 3 + Z95) / (4 * n) + (5 * Z95 ** 5 + 16 * Z95 ** 3 + 3 * Z95) / (96 * n * n);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
