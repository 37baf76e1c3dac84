/** What rules are given in their tests, and what they say of it. */
import { expect } from 'vitest';
import { findingsOf } from '../../../../../agent/cli/ui/findings/report.ts';
import type { Evidence, Finding } from '../../../../../agent/cli/ui/findings/rule.ts';
import type { Look } from '../../../../../agent/cli/ui/paint.ts';
import type { Summary } from '../../../../../agent/cli/ui/summary.ts';
import { summary } from '../summaries.ts';

export const LOOK: Look = { columns: 100, rows: 30, hasColor: false, hasUnicode: true };

export function evidence(options: Partial<Summary> = {}, more: Partial<Evidence> = {}): Evidence {
  return {
    summary: summary(options),
    costs: { main: [], workers: [] },
    lockSites: [],
    cpuQuota: undefined,
    forwarded: undefined,
    refusedCount: 0,
    ...more,
  };
}

export function titles(given: Evidence): string[] {
  return findingsOf(given).map(({ title }) => title);
}

/** The only finding there is. */
export function onlyFinding(given: Evidence): Finding {
  const findings = findingsOf(given);
  expect(findings.map(({ title }) => title)).toHaveLength(1);
  return findings[0]!;
}
