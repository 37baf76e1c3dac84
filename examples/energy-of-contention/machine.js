/**
 * What can be known of the machine's energy: the counters of its processors (RAPL) where this user may read them, mostly root on a machine of one's own; elsewhere
 * which CPUs they are, for the model.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { joulesBetween, measuredEnergy, modelledEnergy } from './energy.js';

/** How long the machine is watched for what it draws when nobody uses it. */
const QUIET_MS = 3000;

/** For `estimatePower`. What the kernel does not tell is left out. */
function cpuOf(cpuinfo) {
  const number = (name) => {
    const [, value] = new RegExp(`^${name}\\s*:\\s*(\\w+)$`, 'm').exec(cpuinfo) ?? [];
    return value === undefined ? undefined : Number(value);
  };
  const [, vendor] = /^(?:vendor_id|CPU implementer)\s*:\s*(\w+)$/m.exec(cpuinfo) ?? [];
  const model = number('CPU part') ?? number('model');
  return { vendor, family: number('cpu family'), model, stepping: number('stepping') };
}

/** The counters of whole processors, by name: other zones are part of these, or contain them. None where one cannot be read. */
function packageCounters(folder) {
  const read = (zone, file) => readFileSync(`${folder}/${zone}/${file}`, 'utf8').trim();
  try {
    const zones = readdirSync(folder).filter((zone) => /^intel-rapl:\d+$/.test(zone));
    const packages = zones.filter((zone) => read(zone, 'name').startsWith('package-'));
    const counters = packages.map((zone) => {
      return { maxUj: Number(read(zone, 'max_energy_range_uj')), readUj: () => Number(read(zone, 'energy_uj')) };
    });
    for (const { readUj } of counters) readUj();
    return counters;
  } catch {
    return [];
  }
}

async function quietPowerW(counters, quietMs) {
  const look = () => ({ ms: performance.now(), uj: counters.map(({ readUj }) => readUj()) });
  const before = look();
  await sleep(quietMs);
  const after = look();
  return (joulesBetween(counters, before.uj, after.uj) * 1000) / (after.ms - before.ms);
}

function textOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The better of the two ways. The roots are others in a test. */
export async function openEnergy({ proc = '/proc', sys = '/sys', quietMs = QUIET_MS } = {}) {
  const logicalCpus = cpus().length;
  const counters = packageCounters(`${sys}/class/powercap`);
  if (counters.length > 0) return measuredEnergy(counters, logicalCpus, await quietPowerW(counters, quietMs));
  return modelledEnergy(cpuOf(textOf(`${proc}/cpuinfo`)), logicalCpus);
}
