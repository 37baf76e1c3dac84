/**
 * Energy counters and power meters of hwmon chips, and the power zones of ARM's SCMI firmware: for machines that have no RAPL.
 *
 * Runs on the agent thread; it is looked for once, and in the process of `gridwatch doctor`. It must never throw. Most chips with a power reading
 * measure a graphics card, a disk or one rail of the board, and names are the vendor's: only chips of which it is known what they cover are read, all
 * others are named and left alone. A counter is taken before a meter, and the processor before the whole machine.
 */
import type { ProcFile, ProcTree } from '../../host/proc.ts';
import { UNCERTAINTY } from '../uncertainty.ts';
import { CounterSource } from './counter-source.ts';
import { type Candidate, type EnergyBoundary, unusable, usable } from './energy-source.ts';
import { PowerSource } from './power-source.ts';
import { POWERCAP } from './powercap-zones.ts';

export interface HwmonSettings {
  readonly sys: ProcTree;
  readonly proc: ProcTree;
  readonly fallbackPowerW: number;
  readonly nowNs: () => number;
}

interface KnownChip {
  readonly chip: string;
  readonly what: string;
  readonly kind: 'energy' | 'power';
  /** Of a reading's label, or of a power meter's `oem_info`. */
  readonly label: RegExp;
  readonly boundary: EnergyBoundary;
}

/** The first row that matches is read, in all chips of that name. */
const KNOWN: readonly KnownChip[] = [
  // drivers/hwmon/amd_energy.c (Linux 5.8 to 5.12): cores are parts of sockets.
  { chip: 'amd_energy', what: 'sockets', kind: 'energy', label: /^Esocket\d+$/, boundary: 'package' },
  // drivers/platform/x86/amd/hsmp/hwmon.c: a chip for each socket, with one power and its caps.
  { chip: 'amd_hsmp_hwmon', what: 'sockets', kind: 'power', label: /^$/, boundary: 'package' },
  // NVIDIA Grace: processor, its I/O and its memory; "CPU" and "SysIO" are parts of it, "Module" has the GPU (Grace Performance Tuning Guide).
  { chip: 'power_meter', what: 'sockets', kind: 'power', label: /^Grace Power Socket \d+$/i, boundary: 'package_dram' },
  // drivers/hwmon/xgene-hwmon.c, on Ampere's processors too.
  { chip: 'apm_xgene', what: 'processor', kind: 'power', label: /^(?:CPU|IO) power$/, boundary: 'package' },
  // drivers/hwmon/macsmc-hwmon.c, Apple's own processors.
  { chip: 'macsmc_hwmon', what: 'system', kind: 'power', label: /^Total System Power$/, boundary: 'platform' },
  // drivers/hwmon/acpi_power_meter.c: the only meter, unless it names a socket, is that of the whole machine (Intel's Node Manager).
  { chip: 'power_meter', what: 'machine', kind: 'power', label: /^(?!.*socket)/i, boundary: 'wall' },
];

/** A meter behind a slow bus takes longer, and once a second the agent thread would stand still for as long. */
const MAX_READ_NS = 20e6;

const SCMI = /^arm-scmi:[0-9a-f]+$/;
const READING = /^(energy|power)(\d+)_(average|input)$/;

const STEP =
  'A machine with a power meter that Linux knows: RAPL is more exact, and a meter at the plug can be given as GRIDWATCH_POWER_IDLE_W and GRIDWATCH_POWER_MAX_W';

interface Reading {
  readonly chip: string;
  readonly kind: string;
  readonly label: string;
  readonly file: ProcFile;
}

export function findHwmon(settings: HwmonSettings): Candidate {
  const { sys } = settings;
  const readings = (sys.list('class/hwmon') ?? []).flatMap((folder) => readingsOf(sys, `class/hwmon/${folder}`));
  for (const row of KNOWN) {
    const matching = readings.filter(
      ({ chip, kind, label }) => chip === row.chip && kind === row.kind && row.label.test(label),
    );
    /* Of several meters without a known label nobody knows which contains which. */
    if (matching.length > 0 && !(row.boundary === 'wall' && matching.length > 1)) {
      const files = matching.map(({ file }) => file);
      return candidate(
        settings,
        files,
        row.kind,
        row.boundary,
        `${row.what} by ${row.chip} in ${sys.root}/class/hwmon`,
      );
    }
  }
  const zones = (sys.list(POWERCAP) ?? []).filter((name) => SCMI.test(name));
  const files = zones.map((zone) => sys.file(`${POWERCAP}/${zone}/power_uw`));
  if (files.length > 0) return candidate(settings, files, 'power', 'package', `power_uw of ${zones.join(', ')}`);
  const chips = [...new Set(readings.map(({ chip }) => chip))].toSorted();
  const others = chips.length > 0 ? `; of ${chips.join(', ')} it is not known what they cover` : '';
  return unusable('hwmon', `no chip in ${sys.root}/class/hwmon measures the processor or the machine${others}`, STEP);
}

/** ACPI's meters have their files in the device's folder, all others in the chip's own. */
function readingsOf(sys: ProcTree, chipFolder: string): Reading[] {
  const chip = sys.readText(`${chipFolder}/name`)?.trim() ?? '';
  return [chipFolder, ...(chip === 'power_meter' ? [`${chipFolder}/device`] : [])].flatMap((folder) =>
    bestReadings(sys.list(folder) ?? []).flatMap(({ kind, number, name }) => {
      const text = (suffix: string): string | undefined => sys.readText(`${folder}/${kind}${number}_${suffix}`)?.trim();
      if (text('is_battery') === '1') return [];
      return [{ chip, kind, label: text('label') ?? text('oem_info') ?? '', file: sys.file(`${folder}/${name}`) }];
    }),
  );
}

/** `power1_average`, which is over an interval, before `power1_input`, which is of a moment. */
function bestReadings(names: readonly string[]): readonly { kind: string; number: string; name: string }[] {
  const best = new Map<string, { kind: string; number: string; name: string }>();
  for (const name of names.toSorted()) {
    const [, kind = '', number = ''] = READING.exec(name) ?? [];
    if (kind !== '' && !best.has(`${kind}${number}`)) best.set(`${kind}${number}`, { kind, number, name });
  }
  return [...best.values()];
}

function candidate(
  { sys, proc, fallbackPowerW, nowNs }: HwmonSettings,
  files: readonly ProcFile[],
  kind: string,
  boundary: EnergyBoundary,
  what: string,
): Candidate {
  for (const file of files) {
    const beganNs = nowNs();
    const isReadable = file.read() && /^\d+\s*$/.test(sys.scanner.text());
    const tookNs = nowNs() - beganNs;
    file.close();
    if (!isReadable) {
      const step = `As root, let the program's user read ${file.path} by a group, not by chmod a+r`;
      return unusable('hwmon', `${file.path} cannot be read (${file.failure || 'no number'})`, step);
    }
    if (tookNs > MAX_READ_NS) {
      const why = `${file.path} takes ${Math.round(tookNs / 1e6)} ms to read, and is wanted once a second`;
      return unusable('hwmon', why, STEP);
    }
  }
  if (kind === 'power') return usable(new PowerSource({ boundary, tree: sys, meters: files, proc }), what);
  const counters = files.map((file) => ({ file, rangeUj: undefined, maxPowerW: fallbackPowerW }));
  const uncertainty = UNCERTAINTY.raplNode;
  return usable(new CounterSource({ name: 'hwmon', boundary, uncertainty, tree: sys, proc, counters }), what);
}
