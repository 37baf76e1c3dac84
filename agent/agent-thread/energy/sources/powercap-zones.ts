/**
 * The zones of Intel's and AMD's RAPL under `class/powercap`: what each counts, and what it can draw at most.
 *
 * Runs on the agent thread, once, and in the process of `gridwatch doctor`. It must never throw. The folder lists control types and zones of all depths
 * side by side: `intel-rapl`, `intel-rapl:0`, `intel-rapl:0:1`, `intel-rapl-mmio:0`. Numbers are in order of registration, and hexadecimal: number 1 is
 * psys on laptops and the second package on servers. So zones are told apart by their `name`, the files of which everybody may read:
 * `package-0` or `package-0-die-1`, in it `core`, `uncore`, `dram`; beside it `psys`, from the second socket on `psys-1`.
 * (https://docs.kernel.org/power/powercap/powercap.html, drivers/powercap/intel_rapl_common.c)
 */
import type { ProcTree } from '../../host/proc.ts';

export const POWERCAP = 'class/powercap';

export interface RaplZone {
  /** `package-0`, or `package-0/dram`: the same in the copy that another interface to the same counter makes. */
  readonly label: string;
  readonly kind: 'package' | 'dram' | 'psys';
  /** Below the root of sysfs. */
  readonly folder: string;
  readonly rangeUj: bigint | undefined;
  /** What it is built to draw; undefined where the driver does not say, as AMD's never does. */
  readonly ratedPowerW: number | undefined;
  /** The greatest of what it may draw for a while, by any limit set; thousands where a board has set none. */
  readonly maxPowerW: number | undefined;
  /** The system's code when the counter cannot be read, `zero` for one that has never counted, '' for one that works. */
  readonly failure: string;
}

export interface RaplZones {
  readonly zones: readonly RaplZone[];
  /** There are zones, but nothing in them: containers are shown an empty folder in place of the one they stand in. */
  readonly isMasked: boolean;
  /** How many zones the folder lists; of more than `MAX_ZONES` none is read. */
  readonly listed: number;
}

const ZONE = /^intel-rapl(?:-mmio)?:[0-9a-f]+(?::[0-9a-f]+)?$/;
const PACKAGE = /^package-\d+(?:-die-\d+)?$/;
const PSYS = /^psys(?:-\d+)?$/;

/** Sixteen sockets of eight dies, with their memory, twice. Of more, reading once a second would cost more than the agent may. */
export const MAX_ZONES = 512;

/** As many as the driver has: long term, short term, peak, and one to come. */
const CONSTRAINTS = [0, 1, 2, 3];
const UW_PER_W = 1e6;

/** A register with all bits set is no processor's rating. */
const MAX_RATED_W = 1e4;

/** Every counter once: those of `intel-rapl-mmio` are read only where there is no other way to the same one. */
export function raplZones(sys: ProcTree): RaplZones {
  const folders = (sys.list(POWERCAP) ?? []).filter((name) => ZONE.test(name)).toSorted(byInterface);
  if (folders.length > MAX_ZONES) return { zones: [], isMasked: false, listed: folders.length };
  const byLabel = new Map<string, RaplZone>();
  let hasNames = false;
  for (const folder of folders) {
    const name = nameOf(sys, folder);
    if (name === undefined) continue;
    hasNames = true;
    const found = identify(sys, folder, name);
    const known = found === undefined ? undefined : byLabel.get(found.label);
    if (found === undefined || known?.failure === '') continue;
    const zone = readZone(sys, folder, found);
    if (known === undefined || zone.failure === '') byLabel.set(zone.label, zone);
  }
  return { zones: [...byLabel.values()], isMasked: folders.length > 0 && !hasNames, listed: folders.length };
}

function byInterface(a: string, b: string): number {
  return Number(a.startsWith('intel-rapl-mmio')) - Number(b.startsWith('intel-rapl-mmio')) || (a < b ? -1 : 1);
}

function nameOf(sys: ProcTree, folder: string): string | undefined {
  return sys.readText(`${POWERCAP}/${folder}/name`)?.trim();
}

type Identity = Pick<RaplZone, 'label' | 'kind'>;

/** Undefined for a zone that is a part of one that is counted already. */
function identify(sys: ProcTree, folder: string, name: string): Identity | undefined {
  const parent = folder.split(':').length > 2 ? folder.slice(0, folder.lastIndexOf(':')) : undefined;
  if (parent === undefined) {
    if (PACKAGE.test(name)) return { label: name, kind: 'package' };
    return PSYS.test(name) ? { label: name, kind: 'psys' } : undefined;
  }
  if (name !== 'dram') return undefined;
  const owner = nameOf(sys, parent);
  return owner !== undefined && PACKAGE.test(owner) ? { label: `${owner}/dram`, kind: 'dram' } : undefined;
}

function readZone(sys: ProcTree, name: string, identity: Identity): RaplZone {
  const folder = `${POWERCAP}/${name}`;
  const watts = (file: string): number => Number(sys.readText(`${folder}/${file}`) ?? Number.NaN) / UW_PER_W;
  const limitsW = CONSTRAINTS.flatMap((at) => [
    watts(`constraint_${at}_max_power_uw`),
    watts(`constraint_${at}_power_limit_uw`),
  ]).filter((limitW) => limitW > 0);
  const ratedPowerW = watts('constraint_0_max_power_uw');
  const range = /^(\d{1,20})\s*$/.exec(sys.readText(`${folder}/max_energy_range_uj`) ?? '')?.[1];
  return {
    ...identity,
    folder,
    rangeUj: range === undefined || Number(range) === 0 ? undefined : BigInt(range),
    ratedPowerW: ratedPowerW > 0 && ratedPowerW < MAX_RATED_W ? ratedPowerW : undefined,
    maxPowerW: limitsW.length > 0 ? Math.max(...limitsW) : undefined,
    failure: counterFailure(sys, folder),
  };
}

function counterFailure(sys: ProcTree, folder: string): string {
  const file = sys.file(`${folder}/energy_uj`);
  const text = file.read() ? sys.scanner.text().trim() : undefined;
  file.close();
  if (text === undefined) return file.failure;
  if (!/^\d{1,20}$/.test(text)) return 'no number';
  return Number(text) === 0 ? 'zero' : '';
}
