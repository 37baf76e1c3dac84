/**
 * How far an energy can be trusted: factors f, for which the true value lies between value / f and value * f with 90 %.
 *
 * Pure; runs on the agent thread and wherever the model is asked. A factor is kept as the variance of a logarithm, because errors of energies multiply: what is made
 * of several estimates that are wrong independently of one another has the sum of their variances. Errors that are the same ones in every term (all intervals
 * of one source) do not shrink by adding: a sum over time has the factor of its terms.
 */

/** The factor of each way to know an energy. Tests hold that of `family` against published results; the others are the literature's, and were not measured here. */
export const UNCERTAINTY = {
  /** A whole machine by RAPL. */
  raplNode: 1.15,
  /** The share of one process in a machine that others use, too. */
  raplShare: 2,
  /** A model whose idle and maximal watts were measured on this machine. */
  calibrated: 1.15,
  /**
   * What a battery gives more when the CPUs work is not what the processors take of it (regulators, memory and the fan take theirs), nor what a plug would give (the
   * charger takes its own): 10 to 20 % either way. No published bound.
   */
  batteryBoundary: 1.2,
  /** A slope by windows in which a gauge that shows the mean of half a minute, twice a minute, makes it a quarter too small. */
  slowGauge: 1.3,
  /** The watts of the CPU's family, under a load like the benchmark's, with a known clock. */
  family: 1.6,
  /** The same where the clock is not known, as in most virtual machines. */
  blindClock: 2.4,
  /** The watts of any machine. */
  generic: 3.5,
  /** The ratio of two energies of one host. */
  sameHost: 1.2,
} as const;

/** Two-sided 90 % of a normal distribution. */
const Z90 = 1.644_853_627;

/** The variance of the logarithm that goes with a factor of 1 and more. */
export function logVarianceOf(factor: number): number {
  return (Math.log(factor) / Z90) ** 2;
}

/** The factor that goes with a variance of the logarithm. */
export function factorOf(logVariance: number): number {
  return Math.exp(Z90 * Math.sqrt(logVariance));
}

/** The factor of a product or quotient of values that are wrong independently of one another; 1 for none. */
export function combinedFactor(factors: readonly number[]): number {
  return factorOf(factors.reduce((sum, factor) => sum + logVarianceOf(factor), 0));
}

export interface Part {
  /** Of the sum: above 0. */
  readonly value: number;
  readonly factor: number;
}

/** The factor of a sum of values that are wrong independently of one another: the greater part counts most; 1 for a sum of nothing. */
export function factorOfSum(parts: readonly Part[]): number {
  const total = parts.reduce((sum, { value }) => sum + value, 0);
  if (!(total > 0)) return 1;
  return factorOf(parts.reduce((sum, { value, factor }) => sum + (value / total) ** 2 * logVarianceOf(factor), 0));
}

/** Where the true value lies with 90 %. */
export function boundsOf(value: number, factor: number): { readonly low: number; readonly high: number } {
  return { low: value / factor, high: value * factor };
}
