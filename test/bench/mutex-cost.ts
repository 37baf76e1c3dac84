/**
 * What a mutex of `gridwatch/sync` costs: with the agent against without, against the smallest one there can be, and in order against in any order. Each figure
 * is of a process of its own, the two sides in turn; ratios are geometric means of the pairs.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ratioOf } from './ratio.ts';
import { median, type Row } from './table.ts';
import { REGISTER_FILE } from './variants.ts';

const ROUNDS = 10;
const SUBJECT = fileURLToPath(new URL('subjects/mutex-cost.mjs', import.meta.url));

interface Side {
  readonly what: 'uncontended' | 'handoff' | 'throughput';
  readonly which: 'futex' | 'mutex' | 'plain' | 'fair';
  readonly hasAgent?: boolean;
}

interface Comparison {
  readonly title: string;
  readonly measured: Side;
  readonly against: Side;
  readonly unit: string;
  /** The highest ratio, or the lowest; none for what is only told. */
  readonly most?: number;
  readonly least?: number;
}

const COMPARISONS: readonly Comparison[] = [
  {
    title: 'uncontended, with the agent against without',
    measured: { what: 'uncontended', which: 'mutex', hasAgent: true },
    against: { what: 'uncontended', which: 'mutex' },
    unit: 'ns',
    most: 1.15,
  },
  {
    title: 'uncontended, against a minimal futex mutex',
    measured: { what: 'uncontended', which: 'mutex' },
    against: { what: 'uncontended', which: 'futex' },
    unit: 'ns',
    most: 1.5,
  },
  {
    title: 'hand-over between two threads, with the agent against without',
    measured: { what: 'handoff', which: 'plain', hasAgent: true },
    against: { what: 'handoff', which: 'plain' },
    unit: 'ns',
    most: 1.05,
  },
  {
    title: '8 threads on one lock, throughput with the agent against without',
    measured: { what: 'throughput', which: 'plain', hasAgent: true },
    against: { what: 'throughput', which: 'plain' },
    unit: '/ms',
    least: 0.98,
  },
  {
    title: '8 threads on one lock, throughput of a fair mutex against the default',
    measured: { what: 'throughput', which: 'fair' },
    against: { what: 'throughput', which: 'plain' },
    unit: '/ms',
  },
  {
    title: 'hand-over between two threads, a fair mutex against the default',
    measured: { what: 'handoff', which: 'fair' },
    against: { what: 'handoff', which: 'plain' },
    unit: 'ns',
  },
];

export async function mutexCost(): Promise<readonly Row[]> {
  return COMPARISONS.map(compare);
}

function compare({ title, measured, against, unit, most, least }: Comparison): Row {
  const pairs: (readonly [number, number])[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const isFirst = round % 2 === 0;
    const first = run(isFirst ? measured : against);
    const second = run(isFirst ? against : measured);
    pairs.push(isFirst ? [first, second] : [second, first]);
  }
  const { mean, low, high } = ratioOf(pairs);
  const [of, to] = [0, 1].map((side) => median(pairs.map((pair) => pair[side] as number)).toFixed(1));
  return {
    what: title,
    detail: `${of} against ${to} ${unit}, ${ROUNDS} pairs`,
    figure: `${mean.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`,
    bar: most !== undefined ? `<= ${most}` : least !== undefined ? `>= ${least}` : 'printed',
    isMet: mean <= (most ?? Number.POSITIVE_INFINITY) && mean >= (least ?? 0),
  };
}

function run({ what, which, hasAgent = false }: Side): number {
  const preload = hasAgent ? ['--require', REGISTER_FILE] : [];
  const { stdout, stderr, status } = spawnSync(process.execPath, [...preload, SUBJECT, what, which], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], GRIDWATCH_LOG: 'off' },
  });
  if (status !== 0) throw new Error(`${what} ${which} ended with ${status}: ${stderr}`);
  return (JSON.parse(stdout) as { figure: number }).figure;
}
