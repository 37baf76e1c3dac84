/**
 * What a finding is, and what a rule is: it measures first (`check`) and speaks afterwards (`format`), so that tests can
 * assert what was measured apart from the wording. Runs in the process of `gridwatch run --ui`. A rule must not fire on a
 * program that is merely idle, and must name something that a person can change.
 */
import type { ForwardStats } from '../forwarder.ts';
import type { RequestCosts } from '../request-cost.ts';
import type { Summary } from '../summary.ts';
import type { Site } from '../window/span-log.ts';

/** Worst first: something broke; time was lost; something was paid for in vain; this report has gaps. */
export const SEVERITIES = ['failure', 'slow', 'waste', 'blind'] as const;

export type Severity = (typeof SEVERITIES)[number];

export interface Finding {
  readonly severity: Severity;
  /** Seconds of thread time it cost in the stretch: orders findings of the same severity. */
  readonly costS: number;
  /** One sentence: what, where and how much. */
  readonly title: string;
  /** What was measured, beyond the title. Whole sentences. */
  readonly facts: readonly string[];
  /** What to do. Whole sentences. */
  readonly advice: string;
  readonly site?: Site | undefined;
}

/** All that a rule may look at. */
export interface Evidence {
  /** The whole run, or its last minutes. */
  readonly summary: Summary;
  readonly costs: RequestCosts;
  /** What GRIDWATCH_ATOMICS_SITES named. */
  readonly lockSites: readonly string[];
  /** CPUs that the control group allows; undefined without a quota. */
  readonly cpuQuota: number | undefined;
  readonly forwarded: ForwardStats | undefined;
  /** Requests of the program's exporters that the view could not read. */
  readonly refusedCount: number;
}

export interface Rule<T> {
  readonly check: (evidence: Evidence) => readonly T[];
  readonly format: (found: T, evidence: Evidence) => Finding;
}

/** A rule without the type of what it measures, so that rules can stand in one list. */
export type AnyRule = (evidence: Evidence) => Finding[];

export function toAnyRule<T>(rule: Rule<T>): AnyRule {
  return (evidence) => rule.check(evidence).map((found) => rule.format(found, evidence));
}

export function stretchS({ summary }: Evidence): number {
  return Math.max(1e-3, (summary.toMs - summary.fromMs) / 1000);
}
