/**
 * Chooses where joules come from: the best source there is, or the one that is asked for, and says why it is not a better one.
 *
 * Runs on the agent thread, once unless a source breaks, and in the process of `gridwatch doctor`. It must never throw, and always has an answer: the generic model needs
 * nothing. It looks for no further source once it has one. One that breaks later is left out when it is asked again (`lasting-source.ts`).
 */
import { availableParallelism } from 'node:os';
import { CpuClocks } from '../../host/cpu-clocks.ts';
import { type Hardware, readHardware } from '../../host/hardware.ts';
import { parseCpuList } from '../../host/inventory.ts';
import type { ProcTree } from '../../host/proc.ts';
import { type Battery, findBattery } from '../battery.ts';
import { type Confinement, readConfinement } from '../confinement.ts';
import { type CpuIdentity, cpuIdentityOf } from '../cpu-identity.ts';
import { FrequencyReader } from '../frequency.ts';
import { estimatePower } from '../power-model.ts';
import { CalibratedModel } from './calibrated.ts';
import {
  type Candidate,
  type Considered,
  ENERGY_SOURCES,
  type EnergySource,
  type EnergySourceName,
} from './energy-source.ts';
import { findHostRapl } from './host-rapl.ts';
import { findHwmon } from './hwmon.ts';
import {
  findFamilyModel,
  findGenericModel,
  findTdpModel,
  type ModelledSource,
  type ModelSettings,
  powersOf,
} from './modelled.ts';
import { raplZones } from './powercap-zones.ts';
import { findRapl, ratedPowerW } from './rapl.ts';

export interface ChoiceSettings {
  /** Sysfs of the machine: `GRIDWATCH_SYSFS_ROOT`. */
  readonly sys: ProcTree;
  readonly proc: ProcTree;
  /** Sysfs of this container, for its control group; the machine's where that is the same. */
  readonly ownSys?: ProcTree;
  /** Where a hypervisor's folder is mounted; tests have one of their own. */
  readonly hostRoot?: string;
  readonly forced: EnergySourceName | 'auto';
  readonly idlePowerW: number | undefined;
  readonly maxPowerW: number | undefined;
  readonly nowNs: () => number;
  readonly hardware?: Hardware;
  /** Sources that have broken. */
  readonly broken?: ReadonlySet<EnergySourceName>;
  /** The clock that is read already; a new one otherwise. */
  readonly frequency?: FrequencyReader;
  /** What others read of `sys`, too. */
  readonly clocks?: CpuClocks | undefined;
}

export interface Choice {
  readonly source: EnergySource;
  /** Those that were looked for, the chosen one last. */
  readonly considered: readonly Considered[];
  /** The clock for the loads that the source is given. */
  readonly frequency: FrequencyReader;
  readonly confinement: Confinement;
  readonly logicalCpus: number;
  /** What calibrates the source, while it discharges. */
  readonly battery: Battery | undefined;
  /** What the machine draws idle by the model: of a measured source, what to believe until a quiet time was seen. */
  readonly idlePowerW: number;
}

/** A clock that is slow to read is given up after these, so that it is known now whether the estimates will follow it. */
const FREQUENCY_READS = 3;

/** CPUID's numbers are smaller by far. */
const MAX_CPU_NUMBER = 0xffff;

/**
 * AMD's drivers name no limit, and the model's watts are those of the usual processor of a family: one with few and fast cores draws several times as much
 * for each (EPYC 9175F: 320 W, 32 CPUs). No socket is built for more than this; a counter that begins anew is mostly out by tens of kilojoules.
 */
const MIN_FALLBACK_W = 600;

export function chooseSource(settings: ChoiceSettings): Choice {
  const { sys, proc, ownSys = sys, forced, nowNs } = settings;
  const hardware = settings.hardware ?? readHardware({ proc, sys });
  const online = parseCpuList(sys.readText('devices/system/cpu/online') ?? '')?.length;
  const logicalCpus = Math.max(1, online ?? hardware.logicalCount ?? availableParallelism());
  const confinement = readConfinement(proc, ownSys, logicalCpus);
  const frequency = settings.frequency ?? newFrequency(settings);
  const isVirtualMachine = confinement.hypervisor !== undefined;
  const zones = raplZones(sys);
  let battery: Battery | undefined;
  /* What the user has measured stands, and a virtual machine may be shown the battery of a host of which it knows no load. */
  const hasOwnWatts = settings.idlePowerW !== undefined || settings.maxPowerW !== undefined;
  const calibrate = (source: ModelledSource): EnergySource => {
    battery = isVirtualMachine || hasOwnWatts ? undefined : findBattery({ sys, nowNs });
    return battery === undefined
      ? source
      : new CalibratedModel({ model: source, battery, isClockKnown: model.isClockKnown });
  };
  const model: ModelSettings = {
    estimatePower,
    cpu: identityOf(hardware),
    logicalCpus,
    ratedPowerW: ratedPowerW(zones),
    idlePowerW: settings.idlePowerW,
    maxPowerW: settings.maxPowerW,
    isClockKnown: frequency.reason === '',
    calibrate,
  };
  const fallbackPowerW = greatestPowerW(model);
  const find: Readonly<Record<EnergySourceName, () => Candidate>> = {
    rapl: () => findRapl({ sys, proc, found: zones, fallbackPowerW, isVirtualMachine }),
    host: () =>
      findHostRapl({
        sys,
        proc,
        fallbackPowerW,
        ...(settings.hostRoot === undefined ? {} : { hostRoot: settings.hostRoot }),
      }),
    hwmon: () => findHwmon({ sys, proc, fallbackPowerW, nowNs }),
    'model:tdp': () => findTdpModel(model),
    'model:family': () => findFamilyModel(model),
    'model:generic': () => findGenericModel(model),
  };
  const order = forced === 'auto' ? ENERGY_SOURCES : [forced, ...ENERGY_SOURCES.filter((name) => name !== forced)];
  const considered: Considered[] = [];
  const machine = { frequency, confinement, logicalCpus, idlePowerW: powersOf(model).idlePowerW };
  const toConsidered = ({ name, isUsable, why, step }: Candidate): Considered => ({ name, isUsable, why, step });
  for (const name of order) {
    if (settings.broken?.has(name) === true) continue;
    const candidate = find[name]();
    considered.push(toConsidered(candidate));
    if (candidate.source !== undefined) return { source: candidate.source, considered, battery, ...machine };
  }
  /* Not reached: the generic model is in every order. */
  const { source } = findGenericModel(model);
  return { source, considered, battery, ...machine };
}

function newFrequency({ sys, nowNs, clocks = new CpuClocks({ sys, nowNs }) }: ChoiceSettings): FrequencyReader {
  const frequency = new FrequencyReader({ sys, clocks, nowNs });
  for (let left = FREQUENCY_READS; left > 0; left--) frequency.ratio();
  return frequency;
}

/** What the model would refuse, a sandbox's idea of a processor for one, is left out. */
function identityOf(hardware: Hardware): CpuIdentity {
  const { vendor, ...numbers } = cpuIdentityOf(hardware);
  const isPossible = ([, value]: [string, number | undefined]): boolean =>
    value === undefined || value <= MAX_CPU_NUMBER;
  return { vendor, ...Object.fromEntries(Object.entries(numbers).filter(isPossible)) };
}

/** What is surely not exceeded: what the user says, or the model's with all of its doubt. */
function greatestPowerW(model: ModelSettings): number {
  const { maxPowerW, uncertainty } = powersOf(model);
  return Math.max(MIN_FALLBACK_W, model.maxPowerW ?? 0, maxPowerW * uncertainty);
}
