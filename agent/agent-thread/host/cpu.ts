/**
 * The CPUs this process may use: time by mode, utilization, frequency, how many.
 *
 * Runs on the agent thread, at collection. Only the process that holds the claim of its host tells; the kernel counts in ticks of 10 ms.
 */
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import type { CpuClocks } from './cpu-clocks.ts';
import type { HostClaim } from './host-claim.ts';
import type { CpuInventory, Inventory } from './inventory.ts';
import { type ProcFile, type ProcTree, type ReportUnavailable, reasonOf } from './proc.ts';

const TICK_NS = 1e7;
const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;

/** `cpu.mode` by column of `/proc/stat`. Time of guests, in the columns after these, is in user and nice already. */
const COLUMN_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'interrupt', 'steal'] as const;
const MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'steal'] as const;
const COLUMN_INDEXES = COLUMN_MODES.map((mode) => MODES.indexOf(mode));

/** Utilization over less than this would be a matter of single ticks: the last value is told again. */
const MIN_UTILIZATION_INTERVAL_NS = 1e9;

export interface HostCpuSettings {
  readonly proc: ProcTree;
  readonly clocks: CpuClocks;
  readonly inventory: Inventory;
  readonly claim: HostClaim;
  readonly nowNs: () => number;
  readonly onUnavailable: ReportUnavailable;
}

/** One CPU, by mode. */
interface CpuTimes {
  /** Never shrinks: the kernel's idle and iowait times do now and then. */
  readonly ticks: Float64Array;
  /** When utilization was computed last. */
  readonly ticksBefore: Float64Array;
  readonly utilization: Float64Array;
  hasUtilization: boolean;
}

export class HostCpu implements MetricSource {
  readonly #settings: HostCpuSettings;
  readonly #stat: ProcFile;
  readonly #times = new Map<number, CpuTimes>();
  #utilizationNs = Number.NEGATIVE_INFINITY;
  #isAvailable = true;
  #hasFrequency = true;

  constructor(settings: HostCpuSettings) {
    this.#settings = settings;
    this.#stat = settings.proc.file('stat');
    settings.claim.tryTake(settings.nowNs());
  }

  collect(sink: MetricSink): void {
    const { claim, inventory, nowNs } = this.#settings;
    if (!claim.isHeld) {
      claim.tryTake(nowNs());
      this.#times.clear();
      return;
    }
    const cpus = inventory.cpus();
    this.#collectCounts(sink, cpus);
    this.#collectTimes(sink, new Set(cpus.logicalNumbers));
    this.#collectFrequencies(sink, cpus.logicalNumbers ?? []);
  }

  #collectCounts(sink: MetricSink, { logicalCount, physicalCount }: CpuInventory): void {
    sink.sum('system.cpu.logical.count', {}, logicalCount);
    if (physicalCount !== undefined) sink.sum('system.cpu.physical.count', {}, physicalCount);
  }

  #collectTimes(sink: MetricSink, cpus: ReadonlySet<number>): void {
    if (!this.#readTimes(cpus)) return;
    const nowNs = this.#settings.nowNs();
    const isUtilizationDue = nowNs - this.#utilizationNs >= MIN_UTILIZATION_INTERVAL_NS;
    if (isUtilizationDue) this.#utilizationNs = nowNs;
    for (const [cpu, times] of this.#times) {
      if (!cpus.has(cpu)) continue;
      if (isUtilizationDue) updateUtilization(times);
      for (const [index, mode] of MODES.entries()) {
        const attributes = { 'cpu.logical_number': cpu, 'cpu.mode': mode };
        sink.sum('system.cpu.time', attributes, (times.ticks[index] as number) * TICK_NS);
        if (times.hasUtilization) sink.gauge('system.cpu.utilization', attributes, times.utilization[index] as number);
      }
    }
  }

  /** Reads the lines `cpu<n> ...` at the top of `/proc/stat`; the first one, `cpu  ...`, is their sum. */
  #readTimes(cpus: ReadonlySet<number>): boolean {
    if (!this.#isAvailable) return false;
    const { scanner } = this.#settings.proc;
    if (!this.#stat.read() || !scanner.skipWord('cpu ')) {
      this.#isAvailable = false;
      const failure = this.#stat.failure || 'unexpected content';
      this.#settings.onUnavailable('cpu', reasonOf(failure), `${this.#stat.path}: ${failure}`);
      return false;
    }
    while (scanner.nextLine() && scanner.skipWord('cpu')) {
      const digit = scanner.peek();
      if (digit < DIGIT_ZERO || digit > DIGIT_NINE) break;
      const cpu = scanner.number();
      if (cpus.has(cpu)) this.#readLine(this.#timesOf(cpu).ticks);
    }
    return true;
  }

  #readLine(ticks: Float64Array): void {
    const { scanner } = this.#settings.proc;
    const read = new Float64Array(MODES.length);
    for (const index of COLUMN_INDEXES) read[index] = (read[index] as number) + scanner.number();
    for (const [index, value] of read.entries()) if (value > (ticks[index] as number)) ticks[index] = value;
  }

  #timesOf(cpu: number): CpuTimes {
    let times = this.#times.get(cpu);
    if (times === undefined) {
      const row = (): Float64Array => new Float64Array(MODES.length);
      times = { ticks: row(), ticksBefore: row(), utilization: row(), hasUtilization: false };
      this.#times.set(cpu, times);
    }
    return times;
  }

  #collectFrequencies(sink: MetricSink, cpus: readonly number[]): void {
    const { clocks, onUnavailable } = this.#settings;
    for (const cpu of cpus) {
      if (!this.#hasFrequency) return;
      const frequencyKhz = clocks.khz(cpu);
      if (!(frequencyKhz > 0) || clocks.areGivenUp) {
        this.#hasFrequency = false;
        const reason = clocks.areGivenUp ? 'budget' : 'unsupported_platform';
        const detail = clocks.areGivenUp ? ' takes too long to read' : '';
        onUnavailable('cpu.frequency', reason, `${clocks.pathOf(cpu)}${detail}`);
        return;
      }
      sink.gauge('system.cpu.frequency', { 'cpu.logical_number': cpu }, frequencyKhz * 1e3);
    }
  }

  dispose(): void {
    this.#stat.close();
    this.#settings.claim.release();
  }
}

/** Shares of the ticks since the last time: over the CPU's life, the first time there is none. */
function updateUtilization(times: CpuTimes): void {
  const { ticks, ticksBefore, utilization } = times;
  let elapsed = 0;
  for (const [index, now] of ticks.entries()) elapsed += now - (ticksBefore[index] as number);
  const isFirst = ticksBefore.every((value) => value === 0);
  if (!isFirst && elapsed > 0) {
    for (const [index, now] of ticks.entries()) utilization[index] = (now - (ticksBefore[index] as number)) / elapsed;
    times.hasUtilization = true;
  }
  ticksBefore.set(ticks);
}
