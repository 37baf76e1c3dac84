/**
 * The process as a whole: CPU time, context switches, threads, memory, age.
 *
 * Runs on the agent thread, at collection. What Node reads for the whole process on every thread is asked of Node, so that it is there on
 * every platform; only the number of threads needs `/proc`.
 */
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import type { ProcFile, ProcTree } from './proc.ts';

const CLOSING_PARENTHESIS = 0x29;

/** Utilization over less than this says little: the last value is told again. */
const MIN_UTILIZATION_INTERVAL_NS = 1e9;

const MODES = ['user', 'system'] as const;

/** What is asked of Node; microseconds, bytes and seconds, as Node has them. */
export interface ProcessSource {
  cpuUsage(): { readonly user: number; readonly system: number };
  resourceUsage(): { readonly voluntaryContextSwitches: number; readonly involuntaryContextSwitches: number };
  rssBytes(): number;
  uptime(): number;
}

export interface ProcessMetricsSettings {
  readonly proc: ProcTree;
  readonly nowNs: () => number;
  /** CPUs the process may use. */
  readonly cpuCount: () => number;
  readonly source?: ProcessSource;
}

const NODE: ProcessSource = {
  cpuUsage: () => process.cpuUsage(),
  resourceUsage: () => process.resourceUsage(),
  rssBytes: () => process.memoryUsage.rss(),
  uptime: () => process.uptime(),
};

export class ProcessMetrics implements MetricSource {
  readonly #settings: ProcessMetricsSettings;
  readonly #source: ProcessSource;
  readonly #stat: ProcFile;
  readonly #lastCpuNs = { user: 0, system: 0 };
  readonly #utilization = { user: 0, system: 0 };
  #utilizationNs: number;
  #hasUtilization = false;

  constructor(settings: ProcessMetricsSettings) {
    this.#settings = settings;
    this.#source = settings.source ?? NODE;
    this.#stat = settings.proc.file('self/stat');
    // The first interval begins with the process.
    this.#utilizationNs = settings.nowNs() - this.#source.uptime() * 1e9;
  }

  collect(sink: MetricSink): void {
    this.#collectCpu(sink);
    const { voluntaryContextSwitches, involuntaryContextSwitches } = this.#source.resourceUsage();
    const type = 'process.context_switch.type';
    sink.sum('process.context_switches', { [type]: 'voluntary' }, voluntaryContextSwitches);
    sink.sum('process.context_switches', { [type]: 'involuntary' }, involuntaryContextSwitches);
    sink.sum('process.memory.usage', {}, this.#source.rssBytes());
    sink.gauge('process.uptime', {}, this.#source.uptime() * 1e9);
    const threads = this.#readThreadCount();
    if (threads > 0) sink.sum('process.thread.count', {}, threads);
  }

  #collectCpu(sink: MetricSink): void {
    const { user, system } = this.#source.cpuUsage();
    const cpuNs = { user: user * 1e3, system: system * 1e3 };
    const nowNs = this.#settings.nowNs();
    const elapsedNs = nowNs - this.#utilizationNs;
    const isDue = elapsedNs >= MIN_UTILIZATION_INTERVAL_NS || (!this.#hasUtilization && elapsedNs > 0);
    const usableNs = isDue ? elapsedNs * this.#settings.cpuCount() : 0;
    for (const mode of MODES) {
      const attributes = { 'cpu.mode': mode };
      sink.sum('process.cpu.time', attributes, cpuNs[mode]);
      if (usableNs > 0) {
        this.#utilization[mode] = Math.max(0, cpuNs[mode] - this.#lastCpuNs[mode]) / usableNs;
        this.#lastCpuNs[mode] = cpuNs[mode];
        this.#hasUtilization = true;
      }
      if (this.#hasUtilization) sink.gauge('process.cpu.utilization', attributes, this.#utilization[mode]);
    }
    if (usableNs > 0) this.#utilizationNs = nowNs;
  }

  /** The 18th field after the name; NaN where there is none. */
  #readThreadCount(): number {
    const { scanner } = this.#settings.proc;
    if (!this.#stat.read() || !scanner.skipPastLast(CLOSING_PARENTHESIS)) return Number.NaN;
    scanner.skipFields(18);
    return scanner.number();
  }

  dispose(): void {
    this.#stat.close();
  }
}

/** CPU time of this process so far, of all its threads, those that ended included. */
export function ownCpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1e3;
}
