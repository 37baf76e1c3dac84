/** What a benchmark gives back, and how it is shown. Runs in the process of `npm run bench`. */
export interface Row {
  readonly what: string;
  /** Both sides as measured, or how the figure came about. */
  readonly detail: string;
  readonly figure: string;
  readonly bar: string;
  readonly isMet: boolean;
}

export type Benchmark = () => Promise<readonly Row[]>;

/** The middle one; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** The first quarter and the third: how far apart the measurements lie. */
export function quartiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1);
  return `${at(0.25)}-${at(0.75)}`;
}

export function printTable(rows: readonly Row[]): void {
  console.log('| what | measured | figure | bar | |\n|---|---|---|---|---|');
  for (const { what, detail, figure, bar, isMet } of rows) {
    console.log(`| ${what} | ${detail} | ${figure} | ${bar} | ${isMet ? 'met' : 'missed'} |`);
  }
}
