/**
 * Where joules would come from on this machine, why not from a better source, and what exactly would change that. Part of `gridwatch doctor`, in its
 * process: it chooses as the agent does, of the same files, and reads no energy.
 */
import { chooseSource } from '../../agent-thread/energy/sources/choose.ts';
import { ProcTree } from '../../agent-thread/host/proc.ts';
import type { Config } from '../../config/options.ts';
import type { Check } from '../doctor.ts';
import { counted } from '../ui/quantities.ts';
import type { MachineSettings } from './machine.ts';

type Choice = ReturnType<typeof chooseSource>;

export interface EnergyCheckSettings extends MachineSettings {
  /** Where a hypervisor's folder would be mounted; tests have one of their own. */
  readonly hostRoot?: string;
}

const DEFAULT_ROOT = '/sys';

const BOUNDARIES: Readonly<Record<Choice['source']['boundary'], string>> = {
  package: 'the processors, without memory',
  package_dram: 'the processors and their memory',
  platform: 'all that the board feeds',
  wall: 'the machine at its plug',
  virtual_machine: "this virtual machine's share of its host's processors",
};

export function checkEnergy(
  config: Config,
  { procRoot = '/proc', sysRoot = DEFAULT_ROOT, platform = process.platform, ...rest }: EnergyCheckSettings = {},
): Check[] {
  if (!config.features.energy)
    return [{ level: 'note', found: 'Energy is not told.', remedy: 'Take -energy out of GRIDWATCH_FEATURES.' }];
  const sys = new ProcTree({ root: sysRoot === DEFAULT_ROOT ? config.sysfsRoot : sysRoot });
  const choice = chooseSource({
    ...rest,
    sys,
    proc: new ProcTree({ root: procRoot }),
    ownSys: new ProcTree({ root: sysRoot }),
    forced: config.energySource,
    idlePowerW: config.powerIdleW,
    maxPowerW: config.powerMaxW,
    nowNs: () => Number(process.hrtime.bigint()),
  });
  try {
    const better = platform === 'linux' ? checkOthers(choice, config) : [elsewhere(platform)];
    return [
      checkChosen(choice),
      ...checkRoot(sys, config),
      ...better,
      ...checkClock(choice),
      ...checkBattery(choice),
      ...checkConfinement(choice),
    ];
  } finally {
    choice.source.dispose();
    choice.frequency.dispose();
  }
}

function checkChosen({ source, considered }: Choice): Check {
  const how = source.isMeasured ? 'measured' : 'estimated';
  const later = source.isMeasured
    ? ' Whether it goes on to count only a program that runs can see: one that is told of nothing for half a minute takes the next best source, and says so on stderr.'
    : '';
  return {
    level: 'ok',
    found:
      `Energy is ${how} by "${source.name}": ${considered.at(-1)?.why ?? ''}. It is that of ${BOUNDARIES[source.boundary]}; ` +
      `with 90 % the truth is no further off than by a factor of ${source.uncertainty}.${later}`,
    remedy: '',
  };
}

/** A root of the user's that is not there, or is something else, would be taken for a machine without counters. */
function checkRoot(sys: ProcTree, { sysfsRoot }: Config): Check[] {
  if (sysfsRoot === DEFAULT_ROOT) return [];
  const names = sys.list('.');
  if (names?.some((name) => /^(?:class|devices|intel-rapl:.*)$/.test(name)) === true) return [];
  const what = names === undefined ? 'is no folder that can be listed' : 'has neither "class" nor zones of RAPL in it';
  return [
    {
      level: 'problem',
      found: `GRIDWATCH_SYSFS_ROOT is ${sysfsRoot}, which ${what}.`,
      remedy: `Set it to where the sysfs of the machine is: in a container started with -v /sys:/host/sys:ro to /host/sys, else unset it.`,
    },
  ];
}

function checkOthers({ considered }: Choice, { energySource: forced }: Config): Check[] {
  return considered.slice(0, -1).map(({ name, why, step }) =>
    name === forced
      ? {
          level: 'problem',
          found: `GRIDWATCH_ENERGY_SOURCE is ${forced}, which cannot be had: ${why}.`,
          remedy: `${step}. Or unset it.`,
        }
      : {
          level: 'note',
          found: `Energy is not taken from "${name}", which would be better: ${why}.`,
          remedy: `${step}.`,
        },
  );
}

function elsewhere(platform: NodeJS.Platform): Check {
  return {
    level: 'note',
    found: `Counters of energy are not known on ${platform}.`,
    remedy:
      'Run the program on Linux, or set GRIDWATCH_POWER_IDLE_W and GRIDWATCH_POWER_MAX_W to what the machine draws.',
  };
}

/** The clock is the model's; what is measured has it in it. */
function checkClock({ source, frequency }: Choice): Check[] {
  if (source.isMeasured) return [];
  if (frequency.reason === '')
    return [{ level: 'ok', found: 'The clock of the CPUs is read, and the estimate follows it.', remedy: '' }];
  return [
    {
      level: 'note',
      found: `The estimate does not know the clock of the CPUs: ${frequency.reason}. At one load, power is up to three times as much at a high clock as at a low one.`,
      remedy: 'Compare two variants on one and the same machine: quotients are right where joules are not.',
    },
  ];
}

function checkBattery({ battery }: Choice): Check[] {
  if (battery === undefined) return [];
  const isDischarging = battery.powerW() !== undefined;
  const when = isDischarging ? 'as it does now' : 'which it does not now';
  const found = `While this machine runs on nothing but its battery (${battery.label}), ${when}, the estimate learns from it how much more a busy CPU draws: after some minutes at different loads. Screen and disks are not taken for the CPUs.`;
  return [{ level: 'ok', found, remedy: '' }];
}

function checkConfinement({ source, confinement, logicalCpus }: Choice): Check[] {
  const { hypervisor, isContainer, reservedCpus } = confinement;
  const checks: Check[] = [];
  const cpus = counted(logicalCpus, 'CPU');
  if (hypervisor !== undefined && !source.isMeasured) {
    const name = hypervisor === 'unknown' ? '' : ` (${hypervisor})`;
    const found = `This is a virtual machine${name}: an estimate is that of its ${cpus}, as a share of a host that is busy like them.`;
    checks.push({ level: 'ok', found, remedy: '' });
  }
  if (isContainer || reservedCpus !== undefined) {
    const share = reservedCpus === undefined ? 'no CPUs' : `${Number(reservedCpus.toFixed(2))} of ${cpus}`;
    const found = `The control group reserves ${share}: ${reservedCpus === undefined ? 'idle energy is shared by all that the whole machine runs' : 'it answers for that share of the idle energy'}.`;
    checks.push({ level: 'ok', found, remedy: '' });
  }
  return checks;
}
