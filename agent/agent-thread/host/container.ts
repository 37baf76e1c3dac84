/**
 * What the control group of this process uses, and what it may use: CPU time, memory, quota, throttling; of a group of cgroup v1 the last two.
 *
 * Runs on the agent thread, at collection; a dozen small files of 4-5 us each. All processes of one container tell the same numbers, as all of
 * them are in the one group. Where there is no group of cgroup v2 it tells nothing.
 */
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { groupFolders, isContainer, isGroup, memoryLimit, parseNumber, parseTable, tightestQuota } from './cgroup.ts';
import type { ProcTree, ReportUnavailable } from './proc.ts';

export interface ContainerMetricsSettings {
  readonly proc: ProcTree;
  readonly sys: ProcTree;
  readonly onUnavailable: ReportUnavailable;
}

export class ContainerMetrics implements MetricSource {
  readonly #settings: ContainerMetricsSettings;

  constructor(settings: ContainerMetricsSettings) {
    this.#settings = settings;
  }

  collect(sink: MetricSink): void {
    const { proc, sys, onUnavailable } = this.#settings;
    this.#collectQuota(sink);
    const folders = groupFolders(proc);
    const own = folders?.[0];
    if (folders === undefined || own === undefined || !isGroup(sys, own)) {
      onUnavailable('container', 'unsupported_platform', 'this process is in no group of cgroup v2');
      return;
    }
    const limitBytes = memoryLimit(sys, folders);
    if (limitBytes !== undefined) sink.sum('gridwatch.container.memory.limit', {}, limitBytes);
    if (isContainer(sys, own)) this.#collectUsage(sink, own);
  }

  #collectQuota(sink: MetricSink): void {
    const { proc, sys } = this.#settings;
    const quota = tightestQuota(proc, sys);
    if (quota === undefined) return;
    sink.sum('gridwatch.cpu.quota.limit', {}, quota.cpus);
    const counted = parseTable(sys.readText(`${quota.folder}/cpu.stat`));
    const [periods, throttled, throttledUs] = ['nr_periods', 'nr_throttled', 'throttled_usec'].map((name) =>
      counted.get(name),
    );
    /* Of cgroup v1. */
    const throttledNs = throttledUs === undefined ? counted.get('throttled_time') : throttledUs * 1e3;
    if (periods !== undefined) sink.sum('gridwatch.cpu.quota.periods', {}, periods);
    if (throttled !== undefined) sink.sum('gridwatch.cpu.quota.throttled_periods', {}, throttled);
    if (throttledNs !== undefined) sink.sum('gridwatch.cpu.throttled.time', {}, throttledNs);
  }

  #collectUsage(sink: MetricSink, own: string): void {
    const { sys } = this.#settings;
    const cpu = parseTable(sys.readText(`${own}/cpu.stat`));
    for (const mode of ['user', 'system'] as const) {
      const usedUs = cpu.get(`${mode}_usec`);
      if (usedUs !== undefined) sink.sum('container.cpu.time', { 'cpu.mode': mode }, usedUs * 1e3);
    }
    const usageBytes = parseNumber(sys.readText(`${own}/memory.current`));
    if (usageBytes === undefined) return;
    sink.sum('container.memory.usage', {}, usageBytes);
    // As Kubernetes reckons it: what the kernel could drop at once does not count.
    const inactiveBytes = parseTable(sys.readText(`${own}/memory.stat`)).get('inactive_file');
    if (inactiveBytes === undefined) return;
    sink.sum('container.memory.working_set', {}, Math.max(0, usageBytes - inactiveBytes));
  }
}
