/** What a thread pays to say something: a record published to its ring, a sample in a histogram, a counter. */
import { median, type Row } from './table.ts';
import { runJson } from './variants.ts';

const ROUNDS = 7;
const KINDS = [
  { key: 'recordNs', what: 'record published to a ring, clock included', barNs: 60 },
  { key: 'counterNs', what: 'state counter', barNs: 5 },
  { key: 'histogramNs', what: 'sample in a histogram, without clock', barNs: 15 },
] as const;

export async function recordCost(): Promise<readonly Row[]> {
  const runs = Array.from({ length: ROUNDS }, () => runJson('record-cost.ts'));
  return KINDS.map(({ key, what, barNs }) => {
    const ns = median(runs.map((run) => run[key] ?? Number.NaN));
    return {
      what,
      detail: `median of ${ROUNDS} processes`,
      figure: `${ns.toFixed(1)} ns`,
      bar: `<= ${barNs} ns`,
      isMet: ns <= barNs,
    };
  });
}
