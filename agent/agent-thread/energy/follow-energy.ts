/**
 * Sets up what prices CPU time: chooses a source at the first look, says which one it is, and lets the meter read it.
 *
 * Runs on the agent thread. It must never throw: without what it needs there is no energy, and that is said once.
 */
import type { Config } from '../../config/options.ts';
import type { Diag } from '../../diag.ts';
import { ProcTree, type ReportUnavailable, reasonOf } from '../host/proc.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { EnergyMeter } from './energy-meter.ts';
import { NodeCpu } from './node-cpu.ts';
import { chooseSource } from './sources/choose.ts';
import { combinedFactor, UNCERTAINTY } from './uncertainty.ts';

const JOULES_PER_KWH = 3.6e6;

export interface FollowEnergySettings {
  readonly config: Config;
  readonly proc: ProcTree;
  /** Of this container. */
  readonly sys: ProcTree;
  readonly threadsNs: () => ReadonlyMap<string, number> | undefined;
  /** CPU time so far; this process's own unless told otherwise. It grows. */
  readonly processNs?: () => number;
  readonly nowNs: () => number;
  readonly diag: Diag;
  readonly onUnavailable: ReportUnavailable;
}

export class FollowedEnergy implements MetricSource {
  #closeFiles: () => void = () => {};
  readonly #settings: FollowEnergySettings;
  #meter: EnergyMeter | 'none' | undefined;

  constructor(settings: FollowEnergySettings) {
    this.#settings = settings;
  }

  tick(nowNs: number): void {
    this.#meter ??= this.#begin();
    if (this.#meter !== 'none') this.#meter.tick(nowNs);
  }

  collect(sink: MetricSink): void {
    this.#meter ??= this.#begin();
    if (this.#meter !== 'none') this.#meter.collect(sink);
  }

  /** The last reading, of a program that has ended. */
  end(nowNs: number): void {
    if (this.#meter !== undefined && this.#meter !== 'none') this.#meter.end(nowNs);
  }

  dispose(): void {
    if (this.#meter !== undefined && this.#meter !== 'none') this.#meter.dispose();
    this.#closeFiles();
  }

  #begin(): EnergyMeter | 'none' {
    const { proc, threadsNs, onUnavailable } = this.#settings;
    const node = new NodeCpu(proc);
    if (node.read() === undefined || threadsNs() === undefined) {
      const path = `${proc.root}/${threadsNs() === undefined ? 'self/task' : 'stat'}`;
      onUnavailable('energy', reasonOf('ENOENT'), `without ${path} nobody knows who has used the CPUs`);
      node.close();
      return 'none';
    }
    return this.#meterOf(node);
  }

  #meterOf(node: NodeCpu): EnergyMeter {
    const { config, proc, sys, threadsNs, nowNs, diag } = this.#settings;
    const { source, frequency, confinement, logicalCpus, idlePowerW } = chooseSource({
      sys: config.sysfsRoot === sys.root ? sys : new ProcTree({ root: config.sysfsRoot }),
      proc,
      ownSys: sys,
      forced: config.energySource,
      idlePowerW: config.powerIdleW,
      maxPowerW: config.powerMaxW,
      nowNs,
    });
    if (config.energySource !== 'auto' && config.energySource !== source.name)
      diag.warn(
        `the energy source ${config.energySource} cannot be had, it is ${source.name}: gridwatch doctor says why`,
      );
    this.#closeFiles = () => {
      node.close();
      frequency.dispose();
    };
    const { reservedCpus } = confinement;
    const { carbonIntensity, carbonEmbodied } = config;
    return new EnergyMeter({
      source,
      idlePowerW,
      uncertainty: combinedFactor([source.uncertainty, source.isMeasured ? UNCERTAINTY.raplShare : 1]),
      node,
      threadsNs: () => threadsNs() ?? new Map(),
      processNs: this.#settings.processNs ?? ownCpuNs,
      reservedShare: () => (reservedCpus === undefined ? undefined : reservedCpus / logicalCpus),
      frequencyRatio: () => frequency.ratio(),
      carbon:
        carbonIntensity === undefined
          ? undefined
          : { gramsPerJoule: carbonIntensity / JOULES_PER_KWH, gramsPerHour: carbonEmbodied ?? 0 },
      nowNs,
    });
  }
}

function ownCpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1e3;
}
