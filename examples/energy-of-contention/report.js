/**
 * From runs to rows, and from rows to the tables and sentences that are printed and written. Pure.
 *
 * A run is a cell of `plan.js` with what `measure.js` has found, and the number of its round. All figures are for the same work: a run's by its number of changes, and
 * against the sequential run of the same round, so that a machine that slowly grows busier or hotter is not taken for a way that is worse.
 */
import { LANGUAGES, SECTIONS, WAITING, WAYS } from './plan.js';
import { digits, fitEnergy, median, spreadOf } from './statistics.js';

const QUANTITIES = {
  time: ({ seconds }) => seconds,
  cpu: ({ cpuSeconds }) => cpuSeconds,
  active: ({ activeJ }) => activeJ,
  idle: ({ idleJ }) => idleJ,
  total: ({ activeJ, idleJ }) => activeJ + idleJ,
};

/** One row for each way and number of threads of a table, in the order of the plan. */
function rowsOf(runs, language, section) {
  const ofTable = runs.filter((run) => run.language === language && run.section === section);
  const baselines = new Map(ofTable.filter(({ way }) => way === 'sequential').map((run) => [run.round, run]));
  const cells = Object.keys(WAYS).flatMap((way) => {
    const counts = new Set(ofTable.filter((run) => run.way === way).map(({ threads }) => threads));
    return [...counts].toSorted((a, b) => a - b).map((threads) => ({ way, threads }));
  });
  return cells.map(({ way, threads }) => {
    const ofCell = ofTable.filter((run) => run.way === way && run.threads === threads);
    const ratios = Object.entries(QUANTITIES).map(([name, of]) => {
      const each = ofCell.map((run) => {
        const baseline = baselines.get(run.round);
        return of(run) / run.operations / (of(baseline) / baseline.operations);
      });
      return [name, spreadOf(each)];
    });
    return {
      way,
      threads,
      ...Object.fromEntries(ratios),
      parallelism: median(ofCell.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds)),
      utilization: median(ofCell.map(({ utilization }) => utilization)),
      delay: median(ofCell.map(({ delaySeconds, seconds }) => delaySeconds / seconds)),
    };
  });
}

const ratio = ({ median: middle, low, high }) => `${digits(middle)} (${digits(low)}-${digits(high)})`;

/** Aligned, so that it can be read on a terminal, too. */
function table(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const row = (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [head, ...rest] = lines;
  return [row(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rest.map(row)].join('\n');
}

const HEAD = ['way', 'threads', 'time', 'CPU time', 'CPUs', 'machine', 'active J', 'idle J', 'all J', 'runnable delay'];

function tableOf(rows) {
  const lines = rows.map(({ way, threads, time, cpu, parallelism, utilization, active, idle, total, delay }) => {
    const machine = `${(utilization * 100).toFixed(0)} %`;
    const joules = [active, idle, total].map(ratio);
    const waited = Number.isNaN(delay) ? 'not known' : `${(delay * 1000).toFixed(0)} ms/s`;
    return [way, `${threads}`, ratio(time), ratio(cpu), parallelism.toFixed(2), machine, ...joules, waited];
  });
  return table([HEAD, ...lines]);
}

/** What 1 stands for in a table. */
function baselineOf(runs, language, section) {
  const ofCell = runs.filter((run) => run.language === language && run.section === section && run.way === 'sequential');
  const each = (of) => median(ofCell.map((run) => of(run) / run.operations));
  const microjoules = (of) => (each(of) * 1e6).toPrecision(2);
  const { active, idle, cpu } = QUANTITIES;
  return `1 is ${(each(cpu) * 1e9).toPrecision(3)} ns of CPU time a change, ${microjoules(active)} uJ active and ${microjoules(idle)} uJ idle.`;
}

function waitingOf(runs) {
  return WAITING.map((way) => {
    const {
      median: ms,
      low,
      high,
    } = spreadOf(runs.filter((run) => run.way === way).map((run) => run.cpuSeconds * 1000));
    return `${way} ${ms.toFixed(1)} ms of CPU time (${low.toFixed(1)}-${high.toFixed(1)})`;
  }).join(', ');
}

function fitSentence(runs, energy) {
  const fit = fitEnergy(runs);
  const what = 'E = b0 * T + b1 * T * U';
  if (fit === undefined) return `${what} cannot be fitted: the CPUs were equally busy in all runs.`;
  const { idleW, busyW, error } = fit;
  const origin = energy.isMeasured ? '' : ' (of the model, which gives it back: a check, not a finding)';
  return `${what}: b0 = ${idleW.toFixed(2)} W idle, b1 = ${busyW.toFixed(2)} W more with all CPUs busy; off by ${(error * 100).toFixed(1)} % on average${origin}.`;
}

/** By how much of the machine others used while it was measured. */
function othersShare(runs, logicalCpus) {
  const sum = (of) => runs.reduce((all, run) => all + of(run), 0);
  return sum((run) => run.busySeconds - run.cpuSeconds) / (sum((run) => run.seconds) * logicalCpus);
}

/** Above this share figures are those of a machine that also does something else. */
const QUIET_SHARE = 0.05;

/** The tables that there are runs for, each with its rows. */
export function tablesOf(runs) {
  return LANGUAGES.filter((language) => runs.some((run) => run.language === language)).flatMap((language) =>
    Object.entries(SECTIONS).map(([section, { says }]) => {
      const title = `${language}, ${section} critical section (${says})`;
      return { language, section, title, rows: rowsOf(runs, language, section) };
    }),
  );
}

/** The whole report, in Markdown. `pythonSays` is a sentence about Python. */
export function reportOf({ runs, energy, pythonSays, settings, machine }) {
  const rounds = new Set(runs.map(({ round }) => round)).size;
  const others = othersShare(runs, energy.logicalCpus);
  const noise = others > QUIET_SHARE ? ' **The machine was not quiet: take these figures as an indication.**' : '';
  const tables = tablesOf(runs).flatMap(({ title, rows, language, section }) => [
    `## ${title}`,
    tableOf(rows),
    baselineOf(runs, language, section),
  ]);
  return [
    '# Energy of contention',
    `${machine}. ${rounds} rounds in an order at random (seed ${settings.seed}), ${settings.ms} ms each. Others used ${(others * 100).toFixed(0)} % of the CPUs meanwhile.${noise}`,
    `Energy ${energy.says}.`,
    pythonSays,
    'Ratios are for the same number of changes, against the sequential run of the same round: the median, with the lowest and the highest. CPUs is how many the run kept busy, machine how busy all were with everything. Runnable delay is how long threads were ready, and had no CPU, in a second.',
    ...tables,
    '## Waiting, and what the machine takes',
    `One thread that waits for a second: ${waitingOf(runs)}.`,
    fitSentence(runs, energy),
    '## The ways',
    Object.entries(WAYS)
      .map(([way, { says }]) => `- \`${way}\`: ${says}`)
      .join('\n'),
  ].join('\n\n');
}
