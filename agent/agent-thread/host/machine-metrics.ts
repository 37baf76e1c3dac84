/**
 * What is told of the machine, of the control group and of the process as a whole: the metrics of the feature `cpu`.
 *
 * Runs on the agent thread. Nothing is read here before the first collection.
 */
import type { Config } from '../../config/options.ts';
import type { MetricSource } from '../telemetry/metrics.ts';
import { cpuQuota } from './cgroup.ts';
import { ContainerMetrics } from './container.ts';
import { HostCpu } from './cpu.ts';
import type { CpuClocks } from './cpu-clocks.ts';
import { HostClaim } from './host-claim.ts';
import type { Inventory } from './inventory.ts';
import { PressureMetrics } from './pressure.ts';
import type { ProcTree, ReportUnavailable } from './proc.ts';
import { ProcessMetrics } from './process.ts';

export interface MachineMetricsSettings {
  readonly proc: ProcTree;
  readonly sys: ProcTree;
  readonly clocks: CpuClocks;
  readonly inventory: Inventory;
  readonly config: Pick<Config, 'hostMetrics'>;
  readonly nowNs: () => number;
  readonly onUnavailable: ReportUnavailable;
}

export function machineMetrics(settings: MachineMetricsSettings): readonly MetricSource[] {
  const { proc, sys, inventory, config, nowNs, onUnavailable } = settings;
  const cpuCount = (): number => inventory.cpus().logicalCount;
  const isConfined = (): boolean => (cpuQuota(proc, sys) ?? Number.POSITIVE_INFINITY) < cpuCount();
  const claim = new HostClaim({ mode: config.hostMetrics, isConfined, onUnavailable });
  return [
    new HostCpu({ ...settings, claim }),
    new ContainerMetrics(settings),
    new PressureMetrics(settings),
    new ProcessMetrics({ proc, nowNs, cpuCount }),
  ];
}
