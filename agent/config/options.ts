/**
 * What a user may set, and what the agent works from: `GridwatchOptions` goes into `start()`, `Config` comes out of
 * `resolveConfig`. Types and two closed lists only; read by every thread, it must never import anything that runs.
 *
 * Each option is also an environment variable (`lockThresholdMs` is `GRIDWATCH_LOCK_THRESHOLD_MS`); `env.ts` holds the
 * table. An option overrides its variable. A bad value is reported with its range and the next best one holds.
 */

/** Everything that can be switched off on its own. */
export const FEATURES = [
  'threads',
  'gc',
  'eventloop',
  'heap',
  'cpu',
  'locks',
  'atomics',
  'web_locks',
  'promise_locks',
  'messages',
  'pools',
  'queues',
  'energy',
  'detectors',
  'races',
] as const;

export type Feature = (typeof FEATURES)[number];

/** One entry of the `features` list: a feature to have, one to leave out, or every one. */
export type FeatureSwitch = Feature | 'all' | `-${Feature}` | '-all';

/** Signals the agent can handle. SIGKILL and SIGSTOP reach no handler, SIGUSR1 belongs to Node's inspector. */
export const HANDLED_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR2', 'SIGBREAK'] as const;

export type HandledSignal = (typeof HANDLED_SIGNALS)[number];

export type LogMode = 'auto' | 'text' | 'json' | 'off';
export type Switch = 'auto' | 'on' | 'off';
export type EnergySource = 'auto' | 'rapl' | 'host' | 'hwmon' | 'model:tdp' | 'model:family' | 'model:generic';

/** A list: its entries, or all of them in one string with commas between. */
export type ListOf<T extends string> = readonly T[] | string;

/**
 * The options of `start()`. All are optional; `undefined` means not given.
 *
 * @example
 * start({ lockThresholdMs: 5, features: ['-energy'], excludeThreads: ['thread-stream/lib/*.js'] });
 */
export interface GridwatchOptions {
  /** `false`: nothing is patched and no agent thread starts. Default `true`. */
  readonly enabled?: boolean | undefined;

  /**
   * The share of a fleet's instances that run the agent, 0 to 1. An instance stays on its side for its whole life: a hash
   * of host and pid decides. Default 1.
   */
  readonly enableRatio?: number | undefined;

  /** A file the agent thread looks at every 10 s, to switch off, or change features, thresholds and limits. Default: none. */
  readonly controlFile?: string | undefined;

  /**
   * Which features run. `-name` removes one; when at least one is named without a minus, only those named run. `all`
   * stands for every one. Default `all`.
   */
  readonly features?: ListOf<FeatureSwitch> | undefined;

  /**
   * Threads the agent stays out of, by name or by worker file; globs with `*`, `**` and `?`. A pattern without a slash is
   * held against the name and the file's last part, one with a slash against the end of the path. Default: none.
   */
  readonly excludeThreads?: ListOf<string> | undefined;

  /**
   * A wait for a lock that lasts this long becomes a span. The clock runs from the call of acquire to ownership. In
   * milliseconds, 0 to 3 600 000; 0 makes every contended wait a span. Default 20.
   */
  readonly lockThresholdMs?: number | undefined;

  /** A garbage collection pause this long becomes a span. In milliseconds, 0 to 3 600 000. Default 10. */
  readonly gcThresholdMs?: number | undefined;

  /** A turn of the event loop that is on the CPU this long becomes a span. In milliseconds, 0 to 3 600 000. Default 100. */
  readonly loopThresholdMs?: number | undefined;

  /**
   * An item that waits in a queue this long becomes a span. The clock runs from enqueue to dequeue. In milliseconds, 0 to
   * 3 600 000. Default 20.
   */
  readonly queueThresholdMs?: number | undefined;

  /**
   * Call sites (`file:line`, globs allowed) whose raw `Atomics.wait` is a wait for a lock. Any other one counts as parked,
   * because an idle pool looks the same. Default: none.
   */
  readonly atomicsSites?: ListOf<string> | undefined;

  /** What follows a deadlock: `report` it, or also `abort` one waiter with an error. Default `report`. */
  readonly deadlockAction?: 'report' | 'abort' | undefined;

  /** Lab mode: the lockset check of `guarded()` data. Default `false`. */
  readonly races?: boolean | undefined;

  /**
   * Lab mode: the seed of random delays at acquire, release, notify and delivery, 0 to 4 294 967 295; `off` for none.
   * The same seed takes the same decisions per thread. Default `off`.
   */
  readonly perturb?: number | 'off' | undefined;

  /**
   * How long a thread that exits waits for its records to be delivered. In milliseconds, 0 to 60 000; 0 does not wait.
   * Whatever is not delivered by then is lost with the process. Default 2000.
   */
  readonly exitTimeoutMs?: number | undefined;

  /**
   * Signals to handle: flush, then die of the signal as before. A process whose main thread is blocked then dies only when
   * the block ends, which is why there are none by default.
   */
  readonly signals?: ListOf<HandledSignal> | undefined;

  /**
   * The agent's own lines, always on stderr: `text`, `json` (one object a line), `off`, or `auto`, which is text on a
   * terminal and JSON elsewhere. Default `auto`.
   */
  readonly log?: LogMode | undefined;

  /**
   * How long the first export waits for the application's own OpenTelemetry SDK to be registered, so that both show one service and one instance. It
   * ends sooner when one is found, or at an exit. In milliseconds, 0 to 60 000; 0 where there is none. Default 5000.
   */
  readonly identityWaitMs?: number | undefined;

  /** Names that leave the process in spans and logs: by `class` (digits and ids replaced), or in `full`. Default `class`. */
  readonly names?: 'class' | 'full' | undefined;

  /** Stacks that leave the process: those of `incidents`, of `all` spans, or none (`off`). Default `incidents`. */
  readonly stacks?: 'incidents' | 'all' | 'off' | undefined;

  /** Metrics of the whole host: from one process per network namespace (`auto`), from this one (`on`), or not. Default `auto`. */
  readonly hostMetrics?: Switch | undefined;

  /** The hardware inventory: `basic` reads `/proc`; `full` asks systeminformation once, which spawns shells. Default `basic`. */
  readonly inventory?: 'basic' | 'full' | undefined;

  /**
   * Prometheus series this process may have, 100 to 100 000. Beyond, the busiest names of each family keep theirs and the
   * rest join `_OTHER`. Default 3000.
   */
  readonly metricsMaxSeries?: number | undefined;

  /** CPU the agent thread may use, in cores, 0.001 to 1. Beyond, features are shed in a documented order. Default 0.05. */
  readonly maxCpu?: number | undefined;

  /** Memory the agent may use, in MB (2^20 bytes), 16 to 4096. Beyond, features are shed in a documented order. Default 96. */
  readonly maxMemoryMb?: number | undefined;

  /**
   * Where joules come from: `rapl`, the processor's counters; `host`, a hypervisor's folder; `hwmon`, meters and other counters; `model:tdp`, between the
   * watts given here or the processor's rated power; `model:family`, published results of such machines; `model:generic`, of any. `auto` takes the first
   * of these that there is; one that cannot be had is reported by `gridwatch doctor`, and `auto` holds. Default `auto`.
   */
  readonly energySource?: EnergySource | undefined;

  /** What the whole machine draws when idle, in watts, 0 to 100 000; where it is not less than `powerMaxW`, both are ignored. Default: from the model. */
  readonly powerIdleW?: number | undefined;

  /** What the whole machine draws with every CPU busy, in watts, 0.1 to 100 000. Default: from the model. */
  readonly powerMaxW?: number | undefined;

  /**
   * Where the energy sources find sysfs, such as `/host/sys` in a container; or, for `host`, the folder that the hypervisor writes `intel-rapl:0/energy_uj`
   * into, if that is not `/var/scaphandre`. Default `/sys`.
   */
  readonly sysfsRoot?: string | undefined;

  /** Grams of CO2 equivalent for one kWh of the electricity used here, 0 to 10 000. Default: none, and no carbon metric. */
  readonly carbonIntensity?: number | undefined;

  /** Grams of CO2 equivalent embodied in the hardware for one hour of this process, 0 to 1 000 000. Default: none. */
  readonly carbonEmbodied?: number | undefined;

  /**
   * Trace context across threads: `auto` where it is affordable, `on` also on Node 22 without a context manager, where it
   * makes every await of the thread slower, or `off`. Default `auto`.
   */
  readonly context?: Switch | undefined;
}

/**
 * The settings in force: one value for each option, and nothing else. It is frozen, and can be cloned to another thread.
 * What is `undefined` here is not configured.
 */
export interface Config {
  readonly enabled: boolean;
  readonly enableRatio: number;
  readonly controlFile: string | undefined;
  readonly features: Readonly<Record<Feature, boolean>>;
  readonly excludeThreads: readonly string[];
  readonly lockThresholdMs: number;
  readonly gcThresholdMs: number;
  readonly loopThresholdMs: number;
  readonly queueThresholdMs: number;
  readonly atomicsSites: readonly string[];
  readonly deadlockAction: 'report' | 'abort';
  readonly races: boolean;
  readonly perturb: number | 'off';
  readonly exitTimeoutMs: number;
  readonly signals: readonly HandledSignal[];
  readonly log: LogMode;
  readonly identityWaitMs: number;
  readonly names: 'class' | 'full';
  readonly stacks: 'incidents' | 'all' | 'off';
  readonly hostMetrics: Switch;
  readonly inventory: 'basic' | 'full';
  readonly metricsMaxSeries: number;
  readonly maxCpu: number;
  readonly maxMemoryMb: number;
  readonly energySource: EnergySource;
  readonly powerIdleW: number | undefined;
  readonly powerMaxW: number | undefined;
  readonly sysfsRoot: string;
  readonly carbonIntensity: number | undefined;
  readonly carbonEmbodied: number | undefined;
  readonly context: Switch;
}
