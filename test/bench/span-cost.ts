/** What a span of the application costs more because it is followed for the pauses that hold it up. */
import { median, type Row } from './table.ts';
import { runJson } from './variants.ts';

const ROUNDS = 7;
const BAR_NS = 300;
const KINDS = [
  { key: 'rootNs', what: 'a root span of the application, followed' },
  { key: 'childNs', what: 'a child span of the application, followed' },
  { key: 'leftOutNs', what: 'a root span that its sampler leaves out, followed' },
] as const;

export async function spanCost(): Promise<readonly Row[]> {
  const rounds = Array.from({ length: ROUNDS }, () => ({
    plain: runJson('span-cost.ts', ['plain']),
    followed: runJson('span-cost.ts', ['followed']),
  }));
  return KINDS.map(({ key, what }) => {
    const plainNs = median(rounds.map(({ plain }) => plain[key] ?? Number.NaN));
    const moreNs = median(
      rounds.map(({ plain, followed }) => (followed[key] ?? Number.NaN) - (plain[key] ?? Number.NaN)),
    );
    return {
      what,
      detail: `of ${plainNs.toFixed(0)} ns of CPU; median of ${ROUNDS} pairs`,
      figure: `${moreNs.toFixed(0)} ns more`,
      bar: `<= ${BAR_NS} ns`,
      isMet: moreNs <= BAR_NS,
    };
  });
}
