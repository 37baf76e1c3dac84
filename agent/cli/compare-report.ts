/**
 * What `gridwatch compare` makes of the runs: medians, ratios with their intervals, and plain words for each. Runs in the process of the command; pure.
 */
import { SAME_HOST_FACTOR } from '../outside/energy-tally.ts';
import type { Seen } from '../outside/observation.ts';
import { joules } from './observe-summary.ts';
import { shownCommand } from './outside-program.ts';
import { contains, median, pairedRatio, type Ratio, widened } from './paired-ratio.ts';
import { formatMs } from './ui/quantities.ts';

/** What one run took. Undefined: it could not be told. */
export interface Run {
  readonly wallS: number;
  readonly cpuS: number;
  readonly activeEnergyJ: number | undefined;
  readonly runnableS: number | undefined;
  readonly switches: number;
  /** From inside; undefined where there is no agent. */
  readonly lockWaitS?: number | undefined;
  readonly contentions?: number | undefined;
  readonly gcS?: number | undefined;
}

export interface Comparison {
  readonly commands: readonly [a: readonly string[], b: readonly string[]];
  /** The runs of each, in the order of the rounds. */
  readonly a: readonly Run[];
  readonly b: readonly Run[];
  /** `gridwatch.energy.source`; undefined where there was no energy. */
  readonly energySource: string | undefined;
  /** The agent was in both. */
  readonly isInside: boolean;
}

export interface Measure {
  readonly name: keyof Run;
  readonly medianA: number | undefined;
  readonly medianB: number | undefined;
  /** B over A, with 95 %; undefined where a run has none, or none above 0. */
  readonly ratio: Ratio | undefined;
  /** Of energy, with what the two estimates may be wrong by against each other: the interval that counts. */
  readonly bounded: Ratio | undefined;
  readonly verdict: 'more' | 'less' | 'no clear difference' | 'unknown';
}

/** The kernel counts CPU time in ticks of 10 ms; of less than twenty of them a ratio says little. */
const COARSE_CPU_S = 0.2;

const LABELS: Readonly<Record<keyof Run, string>> = {
  wallS: 'wall time',
  cpuS: 'CPU time',
  activeEnergyJ: 'energy, active',
  runnableS: 'runnable delay',
  switches: 'switches',
  lockWaitS: 'lock waits',
  contentions: 'contentions',
  gcS: 'GC pauses',
};

const NAMES = Object.keys(LABELS) as (keyof Run)[];
const INSIDE: ReadonlySet<keyof Run> = new Set(['lockWaitS', 'contentions', 'gcS']);

export function runOf({ wallNs, cpu, energy, hasSchedule, total }: Seen): Run {
  return {
    wallS: wallNs / 1e9,
    cpuS: (cpu.userNs + cpu.systemNs) / 1e9,
    activeEnergyJ: energy === undefined || energy === 'off' ? undefined : energy.activeUj / 1e6,
    runnableS: hasSchedule ? total.of('runnable') / 1e9 : undefined,
    switches: total.voluntarySwitches + total.involuntarySwitches,
  };
}

export function measuresOf({ a, b, isInside }: Pick<Comparison, 'a' | 'b' | 'isInside'>): Measure[] {
  return NAMES.filter((name) => isInside || !INSIDE.has(name)).map((name) => {
    const [valuesA, valuesB] = [valuesOf(a, name), valuesOf(b, name)];
    const ratio = valuesA && valuesB && pairedRatio(valuesA, valuesB);
    const bounded = name === 'activeEnergyJ' && ratio !== undefined ? widened(ratio, SAME_HOST_FACTOR) : undefined;
    return {
      name,
      medianA: valuesA && median(valuesA),
      medianB: valuesB && median(valuesB),
      ratio,
      bounded,
      verdict: verdictOf(bounded ?? ratio),
    };
  });
}

function valuesOf(runs: readonly Run[], name: keyof Run): number[] | undefined {
  const values = runs.map((run) => run[name]).filter((value) => value !== undefined);
  return values.length === runs.length ? values : undefined;
}

function verdictOf(interval: Ratio | undefined): Measure['verdict'] {
  if (interval === undefined) return 'unknown';
  if (contains(interval, 1)) return 'no clear difference';
  return interval.ratio > 1 ? 'more' : 'less';
}

export function renderComparison(comparison: Comparison): string {
  const { commands, a, isInside } = comparison;
  const where = isInside ? 'with the agent inside' : 'from outside';
  const measures = measuresOf(comparison);
  const lines = measures.map((measure) => {
    const { name, medianA, medianB, ratio } = measure;
    const cells = [format(name, medianA), format(name, medianB), ratio === undefined ? '' : ratio.ratio.toFixed(3)];
    const interval = ratio === undefined ? '' : `${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}`;
    return `  ${LABELS[name].padEnd(15)} ${cells.map((cell) => cell.padEnd(10)).join(' ')} ${interval.padEnd(17)} ${wordsOf(measure)}`.trimEnd();
  });
  return [
    `gridwatch: ${a.length} rounds of A and B in alternating order, after one that does not count; ${where}`,
    ...commands.map((command, i) => `  ${'AB'[i]}  ${shownCommand(command, 100)}`),
    '',
    `  ${''.padEnd(15)} ${['A, median', 'B, median', 'B / A'].map((head) => head.padEnd(10)).join(' ')} 95 % interval`,
    ...lines,
    ...notesOf(measures, comparison).map((note) => `  ${note}`),
    '',
  ].join('\n');
}

function wordsOf({ name, ratio, bounded, verdict }: Measure): string {
  if (ratio === undefined) return 'no ratio: it is unknown, or nothing, in a run';
  if (verdict === 'no clear difference' && bounded !== undefined && !contains(ratio, 1)) {
    return 'no clear difference: the estimates are not good enough to tell';
  }
  if (verdict === 'no clear difference') return 'no clear difference: the interval contains 1';
  return `B ${name === 'wallS' || name === 'runnableS' ? 'takes' : 'has'} ${verdict}`;
}

function notesOf(measures: readonly Measure[], { energySource, isInside }: Comparison): string[] {
  const find = (name: keyof Run): Measure | undefined => measures.find((measure) => measure.name === name);
  const notes: string[] = [];
  const bounded = find('activeEnergyJ')?.bounded;
  if (bounded !== undefined) {
    notes.push(
      `Energy is by ${energySource}. Two energies of one host can be wrong against each other by a factor of ${SAME_HOST_FACTOR}: ` +
        `with that, ${bounded.low.toFixed(3)} to ${bounded.high.toFixed(3)}.`,
    );
  } else {
    notes.push(
      'There is no ratio of energy: the runs are too short, work too little, or nobody knows who used the CPUs.',
    );
  }
  const cpu = find('cpuS');
  if (Math.min(cpu?.medianA ?? 0, cpu?.medianB ?? 0) < COARSE_CPU_S) {
    notes.push('CPU time is counted in ticks of 10 ms: for a ratio to mean something, let the programs run longer.');
  }
  notes.push(
    isInside
      ? 'Times, CPU and energy are with what the agent costs in both. Lock waits and GC pauses are sums over all threads.'
      : 'Contention and garbage collection inside the programs are not looked at; of two Node programs --inside does.',
  );
  return notes;
}

function format(name: keyof Run, value: number | undefined): string {
  if (value === undefined) return 'unknown';
  if (name === 'switches' || name === 'contentions') return String(Math.round(value));
  return name === 'activeEnergyJ' ? joules(value * 1e6) : formatMs(value * 1e3);
}

/** The same for programs, with every run. */
export function jsonOf(comparison: Comparison, version: string): string {
  const { commands, a, b, energySource, isInside } = comparison;
  return `${JSON.stringify(
    {
      version,
      rounds: a.length,
      a: { command: commands[0], runs: a },
      b: { command: commands[1], runs: b },
      energySource: energySource ?? null,
      sameHostFactor: SAME_HOST_FACTOR,
      measures: measuresOf(comparison),
      leftOut: isInside ? [] : ['contention', 'gc'],
    },
    (_key, value: unknown) => (value === undefined ? null : value),
    2,
  )}\n`;
}
