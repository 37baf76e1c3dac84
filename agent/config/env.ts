/**
 * The table of settings: for each its variable, what it accepts, what holds when it is not given, and what it is for.
 * Parsing, the problems reported, the README's table and `gridwatch doctor` are all derived from this one list. It is
 * loaded at start-up on every thread: it must hold data and names only, and never read the environment itself.
 */

import { type Config, FEATURES, HANDLED_SIGNALS } from './options.ts';

export type Kind =
  | { readonly type: 'boolean' }
  | { readonly type: 'number' | 'integer'; readonly min: number; readonly max: number; readonly unit: string }
  | { readonly type: 'seed'; readonly min: number; readonly max: number }
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | { readonly type: 'features'; readonly choices: readonly string[] }
  | {
      readonly type: 'list';
      readonly choices?: readonly string[];
      /** What an entry has to look like; any text where there is none. */
      readonly form?: RegExp;
      readonly entries: string;
    }
  | { readonly type: 'path' };

export interface Setting<T = unknown> {
  readonly variable: `GRIDWATCH_${string}`;
  readonly kind: Kind;
  /** `undefined`: not configured. */
  readonly byDefault: T;
  /** One line for the README and `doctor`, without a full stop. */
  readonly meaning: string;
}

const BOOLEAN: Kind = { type: 'boolean' };
const PATH: Kind = { type: 'path' };
const THRESHOLD: Kind = { type: 'number', min: 0, max: 3_600_000, unit: 'ms' };
/** A call site ends in its line, without a column, and never is an absolute path: another entry would match nothing. */
const CALL_SITE = /^(?![\\/]|[a-z]:[\\/]|file:|.*:\d+:\d+$).+:[\d*?]+$/i;
const MAX_POWER_W = 100_000;
/** No machine that runs Node does all its work with less: an energy of nothing would be no measurement. */
const MIN_BUSY_POWER_W = 0.1;

function choice(...choices: readonly string[]): Kind {
  return { type: 'choice', choices };
}

function number(min: number, max: number, unit: string): Kind {
  return { type: 'number', min, max, unit };
}

function integer(min: number, max: number, unit: string): Kind {
  return { type: 'integer', min, max, unit };
}

const EVERY_FEATURE: Config['features'] = Object.freeze(
  Object.fromEntries(FEATURES.map((feature) => [feature, true])) as Record<(typeof FEATURES)[number], boolean>,
);

/** Keyed by the option's name, in the order in which they are shown. */
export const SETTINGS: { readonly [K in keyof Config]: Setting<Config[K]> } = {
  enabled: {
    variable: 'GRIDWATCH_ENABLED',
    kind: BOOLEAN,
    byDefault: true,
    meaning: 'false: only the gate runs, nothing is patched',
  },
  enableRatio: {
    variable: 'GRIDWATCH_ENABLE_RATIO',
    kind: number(0, 1, ''),
    byDefault: 1,
    meaning: 'the share of instances that run the agent, fixed by a hash of host and pid',
  },
  controlFile: {
    variable: 'GRIDWATCH_CONTROL_FILE',
    kind: PATH,
    byDefault: undefined,
    meaning: 'a file looked at every 10 s: off, features, thresholds, limits',
  },
  features: {
    variable: 'GRIDWATCH_FEATURES',
    kind: { type: 'features', choices: FEATURES },
    byDefault: EVERY_FEATURE,
    meaning: 'what runs; -name removes one, names without a minus leave only themselves',
  },
  excludeThreads: {
    variable: 'GRIDWATCH_EXCLUDE_THREADS',
    kind: { type: 'list', entries: 'thread names or worker-file globs' },
    byDefault: Object.freeze([]),
    meaning: 'threads the agent stays out of',
  },
  lockThresholdMs: {
    variable: 'GRIDWATCH_LOCK_THRESHOLD_MS',
    kind: THRESHOLD,
    byDefault: 20,
    meaning: 'a wait for a lock this long becomes a span; 0 = all',
  },
  gcThresholdMs: {
    variable: 'GRIDWATCH_GC_THRESHOLD_MS',
    kind: THRESHOLD,
    byDefault: 10,
    meaning: 'a garbage collection pause this long becomes a span',
  },
  loopThresholdMs: {
    variable: 'GRIDWATCH_LOOP_THRESHOLD_MS',
    kind: THRESHOLD,
    byDefault: 100,
    meaning: 'a turn of the event loop on the CPU for this long becomes a span',
  },
  queueThresholdMs: {
    variable: 'GRIDWATCH_QUEUE_THRESHOLD_MS',
    kind: THRESHOLD,
    byDefault: 20,
    meaning: 'a wait in a queue this long becomes a span',
  },
  atomicsSites: {
    variable: 'GRIDWATCH_ATOMICS_SITES',
    kind: { type: 'list', form: CALL_SITE, entries: 'call sites (file:line, relative, globs allowed)' },
    byDefault: Object.freeze([]),
    meaning: 'call sites whose raw Atomics.wait is a wait for a lock, not a park',
  },
  deadlockAction: {
    variable: 'GRIDWATCH_DEADLOCK_ACTION',
    kind: choice('report', 'abort'),
    byDefault: 'report',
    meaning: 'abort: one waiter of a deadlock gets an error',
  },
  races: {
    variable: 'GRIDWATCH_RACES',
    kind: BOOLEAN,
    byDefault: false,
    meaning: 'lab mode: the lockset check of guarded data',
  },
  perturb: {
    variable: 'GRIDWATCH_PERTURB',
    kind: { type: 'seed', min: 0, max: 0xffff_ffff },
    byDefault: 'off',
    meaning: 'lab mode: the seed of random delays at acquire, release, notify and delivery',
  },
  exitTimeoutMs: {
    variable: 'GRIDWATCH_EXIT_TIMEOUT_MS',
    kind: integer(0, 60_000, 'ms'),
    byDefault: 2000,
    meaning: "the flush's deadline at exit; 0 = do not wait",
  },
  signals: {
    variable: 'GRIDWATCH_SIGNALS',
    kind: { type: 'list', choices: HANDLED_SIGNALS, entries: 'signals' },
    byDefault: Object.freeze([]),
    meaning: 'signals to handle (flush, then die of them); a blocked main thread then delays death',
  },
  log: {
    variable: 'GRIDWATCH_LOG',
    kind: choice('auto', 'text', 'json', 'off'),
    byDefault: 'auto',
    meaning: "the agent's lines on stderr; auto: text on a terminal, else one JSON object a line",
  },
  identityWaitMs: {
    variable: 'GRIDWATCH_IDENTITY_WAIT_MS',
    kind: integer(0, 60_000, 'ms'),
    byDefault: 5000,
    meaning: "how long the first export waits for the application's own SDK to say who the process is",
  },
  names: {
    variable: 'GRIDWATCH_NAMES',
    kind: choice('class', 'full'),
    byDefault: 'class',
    meaning: 'names that leave the process: with digits and ids replaced, or in full',
  },
  stacks: {
    variable: 'GRIDWATCH_STACKS',
    kind: choice('incidents', 'all', 'off'),
    byDefault: 'incidents',
    meaning: 'stacks that leave the process',
  },
  hostMetrics: {
    variable: 'GRIDWATCH_HOST_METRICS',
    kind: choice('auto', 'on', 'off'),
    byDefault: 'auto',
    meaning: 'metrics of the whole host; auto: from one process per network namespace',
  },
  inventory: {
    variable: 'GRIDWATCH_INVENTORY',
    kind: choice('basic', 'full'),
    byDefault: 'basic',
    meaning: "full: systeminformation's, once; it spawns shells",
  },
  metricsMaxSeries: {
    variable: 'GRIDWATCH_METRICS_MAX_SERIES',
    kind: integer(100, 100_000, 'series'),
    byDefault: 3000,
    meaning: 'Prometheus series of this process; the rest join _OTHER',
  },
  maxCpu: {
    variable: 'GRIDWATCH_MAX_CPU',
    kind: number(0.001, 1, 'cores'),
    byDefault: 0.05,
    meaning: 'CPU the agent may use before it sheds features; deadlock detection is never shed',
  },
  maxMemoryMb: {
    variable: 'GRIDWATCH_MAX_MEMORY_MB',
    kind: integer(16, 4096, 'MB'),
    byDefault: 96,
    meaning: 'memory the agent may use before it sheds features; deadlock detection is never shed',
  },
  energySource: {
    variable: 'GRIDWATCH_ENERGY_SOURCE',
    kind: choice('auto', 'rapl', 'host', 'hwmon', 'model:tdp', 'model:family', 'model:generic'),
    byDefault: 'auto',
    meaning: 'where joules come from; auto, and one that cannot be had: the best there is',
  },
  powerIdleW: {
    variable: 'GRIDWATCH_POWER_IDLE_W',
    kind: number(0, MAX_POWER_W, 'W'),
    byDefault: undefined,
    meaning: 'what the idle machine draws; unset: from the model',
  },
  powerMaxW: {
    variable: 'GRIDWATCH_POWER_MAX_W',
    kind: number(MIN_BUSY_POWER_W, MAX_POWER_W, 'W'),
    byDefault: undefined,
    meaning: 'what the machine draws with every CPU busy; unset: from the model',
  },
  sysfsRoot: {
    variable: 'GRIDWATCH_SYSFS_ROOT',
    kind: PATH,
    byDefault: '/sys',
    meaning: "where the energy sources find sysfs, or the folder in which the host tells a virtual machine's energy",
  },
  carbonIntensity: {
    variable: 'GRIDWATCH_CARBON_INTENSITY',
    kind: number(0, 10_000, 'g/kWh'),
    byDefault: undefined,
    meaning: 'CO2 equivalent of the electricity; unset: no carbon metric',
  },
  carbonEmbodied: {
    variable: 'GRIDWATCH_CARBON_EMBODIED',
    kind: number(0, 1_000_000, 'g/h'),
    byDefault: undefined,
    meaning: 'CO2 equivalent embodied in the hardware, per hour of this process',
  },
  context: {
    variable: 'GRIDWATCH_CONTEXT',
    kind: choice('auto', 'on', 'off'),
    byDefault: 'auto',
    meaning: 'trace context across threads; on: also on Node 22 without a context manager',
  },
};

/** What a setting accepts, as the end of a sentence that begins with "expected". */
export function describeKind(kind: Kind): string {
  switch (kind.type) {
    case 'boolean':
      return 'true or false (also 1/0, yes/no, on/off)';
    case 'integer':
      return `a whole number from ${kind.min} to ${kind.max}${kind.unit && ` ${kind.unit}`}`;
    case 'number':
      return `a number from ${kind.min} to ${kind.max}${kind.unit && ` ${kind.unit}`}`;
    case 'seed':
      return `off, or a whole number from ${kind.min} to ${kind.max}`;
    case 'choice':
      return `one of ${kind.choices.join(', ')}`;
    case 'features':
      return `a comma list of all, ${kind.choices.join(', ')}, or any of these with a minus before it`;
    case 'list':
      return `a comma list of ${kind.entries}${kind.choices ? `: ${kind.choices.join(', ')}` : ''}`;
    case 'path':
      return 'a path';
  }
}

/** A value as a person would write it in the variable; nothing where it is not configured. */
export function formatValue(value: Config[keyof Config]): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(',');
  if (typeof value !== 'object') return String(value);
  const features = Object.entries(value);
  const off = features.filter(([, isOn]) => !isOn);
  if (off.length === 0) return 'all';
  if (off.length === features.length) return '-all';
  const on = features.filter(([, isOn]) => isOn).map(([name]) => name);
  return on.length < off.length ? on.join(',') : off.map(([name]) => `-${name}`).join(',');
}
