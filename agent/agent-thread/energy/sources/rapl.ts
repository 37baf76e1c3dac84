/**
 * RAPL, the processor's own energy counters: the sum of its packages, with their memory where that has counters.
 *
 * Runs on the agent thread; it is looked for once, and in the process of `gridwatch doctor`. It must never throw. psys contains the packages, and a
 * package its core and uncore, so they are never added up. All packages or none: one of two sockets would be half of the truth.
 */
import type { ProcTree } from '../../host/proc.ts';
import { UNCERTAINTY } from '../uncertainty.ts';
import { CounterSource } from './counter-source.ts';
import { type Candidate, unusable, usable } from './energy-source.ts';
import { MAX_ZONES, POWERCAP, type RaplZone, type RaplZones } from './powercap-zones.ts';

export interface RaplSettings {
  readonly sys: ProcTree;
  readonly proc: ProcTree;
  readonly found: RaplZones;
  /** What a package is taken to draw at most where the driver does not say, or says that there is no limit. */
  readonly fallbackPowerW: number;
  readonly isVirtualMachine: boolean;
}

const inWords = new Intl.ListFormat('en');

/** World-readable, the counters tell a program on the same machine what others compute: CVE-2020-8694. */
const GROUP_STEP =
  'As root: groupadd --system gridwatch; usermod -aG gridwatch <the user of the program>; ' +
  'write into /etc/udev/rules.d/70-gridwatch.rules, as one line: ' +
  `SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/sh -c 'chgrp gridwatch /sys%p/energy_uj; chmod 0440 /sys%p/energy_uj'" ; ` +
  'then udevadm control --reload; udevadm trigger --subsystem-match=powercap --action=add; and start the program anew. ' +
  "In a container also --group-add with the group's number. Not chmod a+r: every program could then watch what others compute (CVE-2020-8694)";

/* Links in it lead from class/powercap to devices/virtual/powercap by relative paths, so they hold under another root. */
const UNMASK_STEP =
  'Container runtimes hide the folder. Start the container with -v /sys:/host/sys:ro -e GRIDWATCH_SYSFS_ROOT=/host/sys';

const MODULE_STEP =
  'On a machine with an Intel or AMD processor: modprobe intel_rapl_msr (Linux 5.8 and later for AMD)';

const VIRTUAL_STEP =
  'Only the host has the counters: it can pass on what this machine draws (see "host"). Or take a machine without a hypervisor';

export function findRapl({ sys, proc, found, fallbackPowerW, isVirtualMachine }: RaplSettings): Candidate {
  const where = `${sys.root}/${POWERCAP}`;
  if (found.isMasked) return unusable('rapl', `${where} has zones, but their files are hidden`, UNMASK_STEP);
  if (found.listed > MAX_ZONES)
    return unusable(
      'rapl',
      `${where} has ${found.listed} zones, more than any machine`,
      'Set GRIDWATCH_SYSFS_ROOT to the sysfs of the machine',
    );
  const packages = ofKind(found, 'package');
  const psys = ofKind(found, 'psys');
  const [main, boundary] = packages.length > 0 ? [packages, 'package' as const] : [psys, 'platform' as const];
  if (main.length === 0) {
    const step = isVirtualMachine ? VIRTUAL_STEP : MODULE_STEP;
    return unusable('rapl', `there are no zones of RAPL in ${where}`, step);
  }
  const broken = main.filter(({ failure }) => failure !== '');
  if (broken.length > 0) {
    const isSecret = broken.some(({ failure }) => failure === 'EACCES' || failure === 'EPERM');
    const step = isSecret ? GROUP_STEP : 'The counters of this machine do not work: another source has to do';
    return unusable('rapl', inWords.format(broken.map((zone) => `${where}: energy_uj of ${complaint(zone)}`)), step);
  }
  const memory = boundary === 'package' ? memoryOf(found, packages) : [];
  const zones = [...main, ...memory];
  const source = new CounterSource({
    name: 'rapl',
    boundary: memory.length > 0 ? 'package_dram' : boundary,
    uncertainty: UNCERTAINTY.raplNode,
    tree: sys,
    proc,
    counters: zones.map((zone) => ({
      file: sys.file(`${zone.folder}/energy_uj`),
      rangeUj: zone.rangeUj,
      maxPowerW: Math.min(zone.maxPowerW ?? Number.POSITIVE_INFINITY, Math.max(fallbackPowerW, zone.ratedPowerW ?? 0)),
    })),
  });
  return usable(source, `${inWords.format(zones.map(({ label }) => label))} in ${where}`);
}

/** What the packages are built to draw, in all; undefined unless all of them say so. */
export function ratedPowerW(found: RaplZones): number | undefined {
  const ratedW = ofKind(found, 'package').map((zone) => zone.ratedPowerW ?? Number.NaN);
  const totalW = ratedW.reduce((sum, watts) => sum + watts, 0);
  return totalW > 0 ? totalW : undefined;
}

function ofKind({ zones }: RaplZones, kind: RaplZone['kind']): readonly RaplZone[] {
  return zones.filter((zone) => zone.kind === kind);
}

/** The memory of all packages that have any, or of none: with one left out, nobody could say what is covered. */
function memoryOf(found: RaplZones, packages: readonly RaplZone[]): readonly RaplZone[] {
  const memory = ofKind(found, 'dram').filter(({ label }) => packages.some((owner) => label === `${owner.label}/dram`));
  return memory.every(({ failure }) => failure === '') ? memory : [];
}

function complaint({ label, failure }: RaplZone): string {
  return failure === 'zero' ? `${label} stands at 0` : `${label} cannot be read (${failure})`;
}
