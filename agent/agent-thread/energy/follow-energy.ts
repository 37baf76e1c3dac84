/**
 * Sets up what prices CPU time: chooses a source at the first look, and again when one breaks, says which one it is, and lets the meter read it.
 *
 * Runs on the agent thread. It must never throw: without what it needs there is no energy, and that is said once.
 */
import type { Config } from '../../config/options.ts';
import type { Diag } from '../../diag.ts';
import { osThreadId } from '../../shared-memory/os-thread.ts';
import type { CpuClocks } from '../host/cpu-clocks.ts';
import { ProcTree, type ReportUnavailable, reasonOf } from '../host/proc.ts';
import { ownCpuNs } from '../host/process.ts';
import type { LockClass } from '../model/lock-classes.ts';
import type { QueueTotal } from '../model/queue-totals.ts';
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import { EnergyMeter } from './energy-meter.ts';
import { LockEnergy } from './lock-energy.ts';
import { NodeCpu } from './node-cpu.ts';
import { QueueEnergy } from './queue-energy.ts';
import { type ChoiceSettings, chooseSource } from './sources/choose.ts';
import { LastingSource } from './sources/lasting-source.ts';
import { measureSwitchNs } from './switch-cost.ts';
import { combinedFactor, UNCERTAINTY } from './uncertainty.ts';

const JOULES_PER_KWH = 3.6e6;

export interface FollowEnergySettings {
  readonly config: Config;
  readonly proc: ProcTree;
  /** Of this container. */
  readonly sys: ProcTree;
  /** Of that, for whoever reads them as well. */
  readonly clocks?: CpuClocks;
  /** Where a hypervisor's folder is mounted; tests have one of their own. */
  readonly hostRoot?: string;
  readonly table: { cpuNs(): ReadonlyMap<string, number> | undefined };
  /** CPU time so far; this process's own unless told otherwise. It grows. */
  readonly processNs?: () => number;
  /** As counted by the collection that goes on; none of a program that is seen from outside. */
  readonly locks?: { readonly classes: Iterable<LockClass> };
  readonly queues?: Iterable<QueueTotal>;
  readonly nowNs: () => number;
  readonly diag: Diag;
  readonly onUnavailable: ReportUnavailable;
}

export class FollowedEnergy implements MetricSource {
  #closeFiles: () => void = () => {};
  readonly #settings: FollowEnergySettings;
  #meter: EnergyMeter | 'none' | undefined;
  #switchNs: number | undefined;
  readonly #locks: LockEnergy;
  readonly #queues: QueueEnergy;

  constructor(settings: FollowEnergySettings) {
    this.#settings = settings;
    this.#locks = new LockEnergy({
      classes: () => settings.locks?.classes ?? [],
      rates: this,
      switchNs: () => this.#switchCostNs(),
    });
    this.#queues = new QueueEnergy({ totals: () => settings.queues ?? [], rates: this });
  }

  tick(nowNs: number): void {
    this.#meter ??= this.#begin();
    this.#known?.tick(nowNs);
  }

  collect(sink: MetricSink): void {
    this.#meter ??= this.#begin();
    if (this.#known === undefined) return;
    this.#known.collect(sink);
    this.#locks.collect(sink);
    this.#queues.collect(sink);
  }

  /** Undefined before the first look, and where there is none to be had. */
  get #known(): EnergyMeter | undefined {
    return this.#meter === 'none' ? undefined : this.#meter;
  }

  get powerPerCpuW(): number {
    return this.#known?.powerPerCpuW ?? 0;
  }

  get knownUntilNs(): number {
    return this.#known?.knownUntilNs ?? Number.NEGATIVE_INFINITY;
  }

  meanPowerPerCpuW(fromNs: number, untilNs: number): number {
    return this.#known?.meanPowerPerCpuW(fromNs, untilNs) ?? 0;
  }

  get idlePowerPerCpuW(): number {
    return this.#known?.idlePowerPerCpuW ?? 0;
  }

  /** The prices of what has just been used, for somebody who cannot wait for the next reading. */
  catchUp(nowNs: number): void {
    this.#meter ??= this.#begin();
    this.#known?.catchUp(nowNs);
  }

  #switchCostNs(): number {
    return (this.#switchNs ??= this.#measureSwitch());
  }

  #measureSwitch(): number {
    const { proc } = this.#settings;
    const file = proc.file(`self/task/${osThreadId()}/schedstat`);
    try {
      return measureSwitchNs(() => (file.read() ? proc.scanner.number() : undefined));
    } finally {
      file.close();
    }
  }

  /** The last reading, of a program that has ended. */
  end(nowNs: number): void {
    this.#known?.end(nowNs);
  }

  dispose(): void {
    this.#known?.dispose();
    this.#closeFiles();
  }

  #begin(): EnergyMeter | 'none' {
    const { proc, table, onUnavailable } = this.#settings;
    const node = new NodeCpu(proc);
    if (node.read() === undefined || table.cpuNs() === undefined) {
      const path = `${proc.root}/${table.cpuNs() === undefined ? 'self/task' : 'stat'}`;
      onUnavailable('energy', reasonOf('ENOENT'), `without ${path} nobody knows who has used the CPUs`);
      node.close();
      return 'none';
    }
    return this.#meterOf(node);
  }

  #meterOf(node: NodeCpu): EnergyMeter {
    const { config, proc, sys, table, nowNs, diag, hostRoot, clocks } = this.#settings;
    const isOwnSysfs = config.sysfsRoot === sys.root;
    const choice: ChoiceSettings = {
      sys: isOwnSysfs ? sys : new ProcTree({ root: config.sysfsRoot }),
      clocks: isOwnSysfs ? clocks : undefined,
      proc,
      ownSys: sys,
      forced: config.energySource,
      idlePowerW: config.powerIdleW,
      maxPowerW: config.powerMaxW,
      nowNs,
      ...(hostRoot === undefined ? {} : { hostRoot }),
    };
    const { source: first, frequency, confinement, logicalCpus, idlePowerW } = chooseSource(choice);
    if (config.energySource !== 'auto' && config.energySource !== first.name)
      diag.warn(
        `the energy source ${config.energySource} cannot be had, it is ${first.name}: gridwatch doctor says why`,
      );
    const source = new LastingSource({
      first,
      choose: (broken) => chooseSource({ ...choice, broken, frequency }).source,
      onChange: (broken, next, why) => {
        diag.warn(
          `the energy source ${broken.name} has told of nothing for half a minute${why === '' ? '' : ` (${why})`}: it is ${next.name} from now on, until the program is started anew; gridwatch doctor says what can be had, and how`,
        );
      },
    });
    this.#closeFiles = () => {
      node.close();
      frequency.dispose();
    };
    const { reservedCpus } = confinement;
    const { carbonIntensity, carbonEmbodied } = config;
    return new EnergyMeter({
      source,
      idlePowerW,
      uncertainty: () => combinedFactor([source.uncertainty, source.isMeasured ? UNCERTAINTY.raplShare : 1]),
      node,
      threadsNs: () => table.cpuNs() ?? new Map(),
      processNs: this.#settings.processNs ?? ownCpuNs,
      reservedShare: () => (reservedCpus === undefined ? undefined : reservedCpus / logicalCpus),
      frequencyRatio: () => frequency.ratio(),
      logicalCpus,
      carbon:
        carbonIntensity === undefined
          ? undefined
          : { gramsPerJoule: carbonIntensity / JOULES_PER_KWH, gramsPerHour: carbonEmbodied ?? 0 },
      nowNs,
    });
  }
}
