/**
 * What `gridwatch observe` tells a person at the end. Runs in the process of the command; pure. What it shows of the program (names of threads, the
 * command) goes through `printable`.
 */
import type { Seen, SeenThread } from '../outside/observation.ts';
import { fit, printable } from './ui/printable.ts';
import { counted, formatMs, formatShare } from './ui/quantities.ts';

/** Threads that are shown, the busiest first. */
const MAX_THREADS_SHOWN = 8;

const NAME_COLUMNS = 16;

export interface SummaryHead {
  /** What was observed, and how it ended. */
  readonly title: string;
  /** Metrics were sent as well. */
  readonly isSent: boolean;
  /** What went wrong then, or else why not. */
  readonly problem?: string | undefined;
}

/** Any of these says where metrics go. */
const DESTINATIONS: readonly string[] = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  'OTEL_METRICS_EXPORTER',
  'OTEL_CONFIG_FILE',
];

/** Why nothing is to be sent; undefined where somebody has said where to. */
export function reasonNotToSend(env: NodeJS.ProcessEnv): string | undefined {
  const valueOf = (name: string): string => env[name]?.trim() ?? '';
  if (valueOf('OTEL_SDK_DISABLED').toLowerCase() === 'true') return 'OTEL_SDK_DISABLED is true';
  const hasFile = valueOf('OTEL_CONFIG_FILE') !== '';
  if (valueOf('OTEL_METRICS_EXPORTER') === 'none' && !hasFile) return 'OTEL_METRICS_EXPORTER is none';
  return DESTINATIONS.some((name) => valueOf(name) !== '') ? undefined : 'OTEL_EXPORTER_OTLP_ENDPOINT says where to';
}

export function renderSummary(seen: Seen, { title, isSent, problem = '' }: SummaryHead): string {
  const { wallNs, cpu, total, processes, mostThreads, hasSchedule, hasWaits } = seen;
  const cpuNs = cpu.userNs + cpu.systemNs;
  const perWall = (ns: number): string => (wallNs > 0 ? (ns / wallNs).toFixed(2) : '0');
  const waits = (name: string, state: 'parked' | 'blocked_io', note: string): [string, string, string] =>
    hasWaits
      ? [name, perWall(total.of(state)), note]
      : [name, 'unknown', 'the kernel tells it to root, and to the user whose program it is'];
  const what = `at most ${counted(mostThreads, 'thread')} at once, ${counted(processes, 'process', 'processes')} seen`;
  const rows: [string, string, string][] = [
    ['wall time', ms(wallNs), ''],
    ['CPU time', ms(cpuNs), `user ${ms(cpu.userNs)}, system ${ms(cpu.systemNs)}; descendants included`],
    ['parallelism', perWall(cpuNs), `threads running at once, on average; ${what}`],
    waits('parked', 'parked', 'threads waiting in a futex, on average: for locks, an interpreter lock, or work'),
    waits('blocked', 'blocked_io', 'threads waiting for files, pipes or sockets, on average'),
    [
      'runnable delay',
      hasSchedule ? ms(total.of('runnable')) : 'unknown',
      'ready to run while no CPU was free; of all threads',
    ],
    [
      'switches',
      String(total.voluntarySwitches + total.involuntarySwitches),
      `voluntary ${total.voluntarySwitches}, involuntary ${total.involuntarySwitches}`,
    ],
    ...energyRows(seen),
  ];
  const lines = rows.map(([name, value, note]) => `  ${name.padEnd(15)} ${value.padEnd(10)} ${note}`.trimEnd());
  return [`gridwatch: ${title}`, ...lines, ...threadLines(seen), `  ${sendingOf(isSent, problem)}`, ''].join('\n');
}

function sendingOf(isSent: boolean, problem: string): string {
  if (!isSent) return `Nothing was sent${problem === '' ? '' : `: ${problem}`}.`;
  return problem === '' ? 'The metrics were sent.' : `Not all metrics were sent: ${problem}.`;
}

function energyRows({ energy }: Seen): [string, string, string][] {
  if (energy === 'off') return [];
  if (energy === undefined) return [['energy', 'unknown', 'too short to tell, or nobody knows who used the CPUs']];
  const { activeUj, idleUj, source, boundary, uncertainty } = energy;
  const bounds = (uj: number): string => `${joules(uj / uncertainty)} to ${joules(uj * uncertainty)}`;
  return [
    ['energy, active', joules(activeUj), `what its work took; with 90 % from ${bounds(activeUj)}`],
    ['energy, idle', joules(idleUj), `its share of what the idle machine draws; with 90 % from ${bounds(idleUj)}`],
    ['energy source', source, `boundary ${boundary}; good for ratios on one machine, not for a bill`],
  ];
}

function threadLines({ named, wallNs }: Seen): string[] {
  const used = named
    .filter(({ usage }) => usage.userNs + usage.systemNs > 0 || usage.of('parked') > 0)
    .toSorted((a, b) => cpuOf(b) - cpuOf(a));
  if (used.length === 0 || wallNs <= 0) return [];
  const share = (ns: number): string => formatShare(ns / wallNs).padStart(8);
  const lines = used.slice(0, MAX_THREADS_SHOWN).map((one) => {
    const { usage } = one;
    const columns = [usage.of('running'), usage.of('runnable'), usage.of('parked'), usage.of('blocked_io')].map(share);
    const name = fit(printable(one.name), NAME_COLUMNS);
    return `    ${name}${ms(cpuOf(one)).padStart(9)} ${columns.join(' ')}`;
  });
  const left = used.length - lines.length;
  return [
    `  ${'thread'.padEnd(NAME_COLUMNS + 2)}${'CPU'.padStart(9)} ${['running', 'runnable', 'parked', 'blocked'].map((name) => name.padStart(8)).join(' ')}`,
    ...lines,
    ...(left > 0 ? [`    and ${counted(left, 'more name')}`] : []),
  ];
}

function cpuOf({ usage }: SeenThread): number {
  return usage.userNs + usage.systemNs;
}

function ms(ns: number): string {
  return formatMs(ns / 1e6);
}

/** 0.42 mJ, 3.1 J, 1240 J. */
export function joules(uj: number): string {
  const value = uj / 1e6;
  if (value < 0.1) return `${Number((uj / 1e3).toPrecision(2))} mJ`;
  return value < 100 ? `${Number(value.toPrecision(3))} J` : `${Math.round(value)} J`;
}
