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

type What = 'uncontended' | 'handoff' | 'throughput';
type Which = 'futex' | 'mutex' | 'plain' | 'fair';

interface Side {
  readonly which: Which;
  readonly hasAgent: boolean;
}

/** The highest ratio, or the lowest; none for what is only told. */
interface Bar {
  readonly most?: number;
  readonly least?: number;
}

const UNITS: Readonly<Record<What, string>> = { uncontended: 'ns', handoff: 'ns', throughput: '/ms' };

const bare = (which: Which): Side => ({ which, hasAgent: false });
const followed = (which: Which): Side => ({ which, hasAgent: true });

const COMPARISONS: readonly (readonly [title: string, what: What, measured: Side, against: Side, bar: Bar])[] = [
  ['uncontended, with the agent against without', 'uncontended', followed('mutex'), bare('mutex'), { most: 1.15 }],
  ['uncontended, against a minimal futex mutex', 'uncontended', bare('mutex'), bare('futex'), { most: 1.5 }],
  [
    'hand-over between two threads, with the agent against without',
    'handoff',
    followed('plain'),
    bare('plain'),
    { most: 1.05 },
  ],
  [
    '8 threads on one lock, throughput with the agent against without',
    'throughput',
    followed('plain'),
    bare('plain'),
    { least: 0.98 },
  ],
  [
    '8 threads on one lock, throughput of a fair mutex against the default',
    'throughput',
    bare('fair'),
    bare('plain'),
    {},
  ],
  ['hand-over between two threads, a fair mutex against the default', 'handoff', bare('fair'), bare('plain'), {}],
];

export async function mutexCost(): Promise<readonly Row[]> {
  return COMPARISONS.map(compare);
}

function compare([title, what, measured, against, { most, least }]: (typeof COMPARISONS)[number]): Row {
  const pairs: (readonly [number, number])[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const isFirst = round % 2 === 0;
    const first = run(what, isFirst ? measured : against);
    const second = run(what, isFirst ? against : measured);
    pairs.push(isFirst ? [first, second] : [second, first]);
  }
  const { mean, low, high } = ratioOf(pairs);
  const [of, to] = [0, 1].map((side) => median(pairs.map((pair) => pair[side] as number)).toFixed(1));
  return {
    what: title,
    detail: `${of} against ${to} ${UNITS[what]}, ${ROUNDS} pairs`,
    figure: `${mean.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`,
    bar: most !== undefined ? `<= ${most}` : least !== undefined ? `>= ${least}` : 'printed',
    isMet: mean <= (most ?? Number.POSITIVE_INFINITY) && mean >= (least ?? 0),
  };
}

function run(what: What, { which, hasAgent }: Side): number {
  const preload = hasAgent ? ['--require', REGISTER_FILE] : [];
  const { stdout, stderr, status } = spawnSync(process.execPath, [...preload, SUBJECT, what, which], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], GRIDWATCH_LOG: 'off' },
  });
  if (status !== 0) throw new Error(`${what} ${which} ended with ${status}: ${stderr}`);
  return (JSON.parse(stdout) as { figure: number }).figure;
}
