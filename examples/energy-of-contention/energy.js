/**
 * The joules of a run: measured by the counters of the processors, or else what `estimatePower` of Gridwatch says of the machine, from the family of its CPUs and
 * how busy they were: a model, right in ratios and not in joules. Which of the two, `machine.js` decides.
 *
 * Divided as the agent divides it: what the machine would have drawn anyhow is idle, and all of it is the run's, which has the machine for itself; the rest is
 * active, and the run's by its part of the CPU time that anybody used.
 */
import { estimatePower } from 'gridwatch';

/** By the model. `cpu` is what is known of the CPUs, `logicalCpus` how many there are. */
export function modelledEnergy(cpu, logicalCpus) {
  const powerAt = (utilization) => estimatePower({ ...cpu, logicalCpus, utilization });
  const { idlePowerW, source, familyName = 'not known', uncertainty } = powerAt(0);
  const bounds = `joules within a factor of ${uncertainty}, ratios on one host within 1.2`;
  return {
    says: `estimated (${source}, CPU family ${familyName}, ${logicalCpus} CPUs): ${bounds}`,
    isMeasured: false,
    logicalCpus,
    read: () => undefined,
    between: (_before, _after, use) => {
      const utilization = utilizationOf(use, logicalCpus);
      return { utilization, ...divide(powerAt(utilization).powerW * use.seconds, idlePowerW, use) };
    },
  };
}

/** By counters of microjoules, `{ maxUj, readUj }` each. */
export function measuredEnergy(counters, logicalCpus, idlePowerW) {
  return {
    says: `measured (RAPL, packages: ${counters.length}); ${idlePowerW.toFixed(1)} W with nothing to do, if nothing else ran`,
    isMeasured: true,
    logicalCpus,
    read: () => counters.map(({ readUj }) => readUj()),
    between: (before, after, use) => {
      const machineJ = joulesBetween(counters, before, after);
      return { utilization: utilizationOf(use, logicalCpus), ...divide(machineJ, idlePowerW, use) };
    },
  };
}

/** A counter begins anew after its highest value. */
export function joulesBetween(counters, before, after) {
  return counters.reduce((sum, { maxUj }, at) => {
    const gainedUj = after[at] - before[at];
    return sum + (gainedUj >= 0 ? gainedUj : gainedUj + maxUj) / 1e6;
  }, 0);
}

const utilizationOf = ({ seconds, busySeconds }, logicalCpus) => Math.min(1, busySeconds / (seconds * logicalCpus));

function divide(machineJ, idlePowerW, { seconds, cpuSeconds, busySeconds }) {
  const idleJ = Math.min(machineJ, idlePowerW * seconds);
  const activeJ = busySeconds > 0 ? (machineJ - idleJ) * (cpuSeconds / busySeconds) : 0;
  return { machineJ, idleJ, activeJ };
}
