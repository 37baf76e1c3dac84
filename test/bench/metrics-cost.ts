/**
 * What one export of metrics costs the agent thread: collecting from sources that write as many series as the limit admits, and serialising them. Once
 * more with ten times as many at the sources, of which the most share `_OTHER`. CPU time of the thread, on average: its clock may tick in milliseconds.
 */
import type { Row } from './table.ts';
import { runJson } from './variants.ts';

const BAR_MS = 15;

/** Names of threads, locks and queues, and CPUs: what 3 000 series hold, and 512 threads with 1 000 locks. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'metrics collected and serialised, 3 000 series': ['32', '60', '16', '20'],
  'the same with 27 000 at the sources': ['512', '1000', '300', '64'],
};

export async function metricsCost(): Promise<readonly Row[]> {
  return Object.entries(PROGRAMS).map(([what, args]) => {
    const runs = [0, 1, 2].map(() => runJson('metrics-cost.ts', args));
    const [best = {}] = runs.toSorted((a, b) => totalMs(a) - totalMs(b));
    const { collectMs = Number.NaN, serializeMs = Number.NaN, series, points, sources } = best;
    return {
      what,
      detail: `${sources} at the sources, ${series} series, ${points} points: ${collectMs.toFixed(1)} + ${serializeMs.toFixed(1)} ms`,
      figure: `${totalMs(best).toFixed(1)} ms`,
      bar: `<= ${BAR_MS} ms`,
      isMet: totalMs(best) <= BAR_MS,
    };
  });
}

function totalMs({ collectMs = Number.NaN, serializeMs = Number.NaN }: Readonly<Record<string, number>>): number {
  return collectMs + serializeMs;
}
