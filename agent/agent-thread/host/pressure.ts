/**
 * Pressure: the time in which tasks stood still for want of CPU, memory or I/O, as the kernel counts it (PSI).
 *
 * Runs on the agent thread, at collection. It tells of the control group of this process, or of the machine when the process is in the root group;
 * a group that keeps no such count is not answered for by the groups around it. It must never throw.
 */
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { groupFolders, isGroup } from './cgroup.ts';
import { type ProcFile, type ProcTree, type ReportUnavailable, reasonOf } from './proc.ts';

const RESOURCES = ['cpu', 'memory', 'io'] as const;
const KINDS = ['some', 'full'] as const;

export interface PressureMetricsSettings {
  readonly proc: ProcTree;
  readonly sys: ProcTree;
  readonly onUnavailable: ReportUnavailable;
}

export class PressureMetrics implements MetricSource {
  readonly #settings: PressureMetricsSettings;
  #isAvailable = true;

  constructor(settings: PressureMetricsSettings) {
    this.#settings = settings;
  }

  collect(sink: MetricSink): void {
    if (!this.#isAvailable) return;
    const { proc, sys } = this.#settings;
    const folders = groupFolders(proc);
    const own = folders?.[0];
    const isOwn = own !== undefined && isGroup(sys, own);
    if (!isOwn && folders?.length !== 1) return this.#giveUp('the control group of this process', 'ENOENT');
    let failed: ProcFile | undefined;
    let isAnyRead = false;
    for (const resource of RESOURCES) {
      const file = isOwn ? sys.file(`${own}/${resource}.pressure`) : proc.file(`pressure/${resource}`);
      const isRead = file.read();
      file.close();
      if (isRead) this.#write(sink, resource, (isOwn ? sys : proc).scanner.text(), !isOwn);
      else failed = file;
      isAnyRead ||= isRead;
    }
    if (!isAnyRead && failed !== undefined) this.#giveUp(failed.path, failed.failure);
  }

  #write(sink: MetricSink, resource: (typeof RESOURCES)[number], text: string, isMachine: boolean): void {
    for (const kind of KINDS) {
      // That all tasks of a machine lack a CPU cannot be: one of them has it. The kernel writes a zero.
      if (isMachine && resource === 'cpu' && kind === 'full') continue;
      const totalUs = new RegExp(`^${kind} .*total=(\\d+)$`, 'm').exec(text)?.[1];
      if (totalUs === undefined) continue;
      const attributes = { 'gridwatch.pressure.resource': resource, 'gridwatch.pressure.kind': kind };
      sink.sum('gridwatch.pressure.time', attributes, Number(totalUs) * 1e3);
    }
  }

  /** A kernel that was built or started without it says so in several ways; only a refusal is worth a line. */
  #giveUp(path: string, failure: string): void {
    this.#isAvailable = false;
    const isRefused = reasonOf(failure) === 'no_permission';
    const reason = isRefused ? 'no_permission' : 'unsupported_platform';
    this.#settings.onUnavailable('pressure', reason, `${path}: ${failure}`);
  }
}
