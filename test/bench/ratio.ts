/** The ratio of two things that were measured side by side again and again, and how sure that is. Pure functions. */
export interface Ratio {
  /** The geometric mean of the pairs' ratios. */
  readonly mean: number;
  /** The 95 % interval of the mean, by Student's t on the logarithms. */
  readonly low: number;
  readonly high: number;
}

/** Of pairs `[measured, against]`; it takes three or more. */
export function ratioOf(pairs: readonly (readonly [number, number])[]): Ratio {
  const logs = pairs.map(([measured, against]) => Math.log(measured / against));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const half = quantile975(logs.length - 1) * Math.sqrt(variance / logs.length);
  return { mean: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

/** Of Student's t, by the expansion of Cornish and Fisher around the normal quantile: right to 0.01 from five degrees of freedom on. */
export function quantile975(degrees: number): number {
  const z = 1.959964;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / degrees + second / degrees ** 2 + third / degrees ** 3;
}
