/**
 * Counts what became of each attempt in a stress test: ACCEPTABLE outcomes, of which some must occur for the test to say
 * anything, and FORBIDDEN ones. Runs in a test's own process.
 */
import { runSeed } from './random.ts';

export class Outcomes {
  readonly #what: string;
  readonly #acceptable = new Map<string, number>();
  readonly #forbidden = new Map<string, { count: number; readonly first: string }>();

  constructor(what: string) {
    this.#what = what;
  }

  acceptable(outcome: string, count = 1): void {
    this.#acceptable.set(outcome, (this.#acceptable.get(outcome) ?? 0) + count);
  }

  /** `first` tells of the first one. */
  forbidden(outcome: string, first: string): void {
    const seen = this.#forbidden.get(outcome);
    if (seen === undefined) this.#forbidden.set(outcome, { count: 1, first });
    else seen.count++;
  }

  /** Takes over what another thread has counted. */
  add({ acceptable, forbidden }: Counted): void {
    for (const [outcome, count] of acceptable) this.acceptable(outcome, count);
    for (const [outcome, first] of forbidden) this.forbidden(outcome, first);
  }

  count(outcome: string): number {
    return this.#acceptable.get(outcome) ?? 0;
  }

  /** Prints all outcomes with the seed; throws when a forbidden one occurred, or when none of the `expected` did. */
  report(...expected: readonly string[]): void {
    const acceptable = Array.from(this.#acceptable, ([outcome, count]) => `${outcome} ${count}`);
    const forbidden = Array.from(this.#forbidden, ([outcome, { count, first }]) => `${outcome} ${count} (${first})`);
    console.log(
      `${this.#what}, seed ${runSeed}: ACCEPTABLE ${acceptable.join(', ')}; FORBIDDEN ${forbidden.join(', ') || '0'}`,
    );
    if (forbidden.length > 0) throw new Error(`FORBIDDEN, with seed ${runSeed}: ${forbidden.join(', ')}`);
    const missing = expected.filter((outcome) => this.count(outcome) === 0);
    if (missing.length > 0) throw new Error(`did not occur, with seed ${runSeed}: ${missing.join(', ')}`);
  }
}

/** Outcomes as a thread sends them to the one that reports. */
export interface Counted {
  readonly acceptable: readonly (readonly [outcome: string, count: number])[];
  readonly forbidden: readonly (readonly [outcome: string, first: string])[];
}
