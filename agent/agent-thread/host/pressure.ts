/**
 * Pressure: the time in which tasks stood still for want of CPU, memory or I/O, as the kernel counts it (PSI).
 *
 * Runs on the agent thread, at collection. It tells of the control group of this process, or of the machine when the process is in the root group;
 * a group that keeps no such count is not answered for by the groups around it. It must never throw.
 */
import type { DisabledReason } from '../telemetry/catalog.ts';
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
    if (!isOwn && folders?.length !== 1) return this.#considerGroup(own);
    const failures = RESOURCES.flatMap((resource) => {
      const file = isOwn ? sys.file(`${own}/${resource}.pressure`) : proc.file(`pressure/${resource}`);
      const isRead = file.read();
      file.close();
      if (isRead) this.#write(sink, resource, (isOwn ? sys : proc).scanner.text(), !isOwn);
      return isRead ? [] : [file];
    });
    if (failures.length < RESOURCES.length || groupFolders(proc)?.[0] !== own) return;
    this.#consider(failures);
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

  /** There is no group of this process to be seen, and it is not in the root group either. */
  #considerGroup(own: string | undefined): void {
    const { proc, sys } = this.#settings;
    const file = own === undefined ? proc.file('self/cgroup') : sys.file(`${own}/cgroup.type`);
    const isRead = file.read();
    file.close();
    if (!isRead) this.#consider([file]);
    else if (own === undefined) this.#giveUp(file.path, 'no group of cgroup v2');
  }

  /**
   * No file could be read. A refusal will stand, and a kernel that was built or started without pressure stays so, which it says in several ways; want of
   * a descriptor or of memory passes, and the next collection looks again.
   */
  #consider(failures: readonly ProcFile[]): void {
    const failureOf = (reason: DisabledReason): ProcFile | undefined =>
      failures.find(({ failure }) => !isWithout(failure) && reasonOf(failure) === reason);
    const refused = failureOf('no_permission');
    if (refused !== undefined) this.#giveUp(refused.path, refused.failure, 'no_permission');
    else if (failureOf('failed') === undefined) {
      const [{ path, failure }] = failures as [ProcFile];
      this.#giveUp(path, failure);
    }
  }

  #giveUp(path: string, failure: string, reason: DisabledReason = 'unsupported_platform'): void {
    this.#isAvailable = false;
    this.#settings.onUnavailable('pressure', reason, `${path}: ${failure}`);
  }
}

/** What a kernel started with `psi=0`, and a group whose count is switched off, answer. */
function isWithout(failure: string): boolean {
  return failure === 'EOPNOTSUPP' || failure === 'ENOTSUP';
}
