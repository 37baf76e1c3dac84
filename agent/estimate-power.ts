/**
 * `estimatePower()`: the power model, for those who want its numbers. Runs on whichever thread of the program asks; the model is loaded with the first call, and a program that
 * never asks does not load it.
 */
import type { PowerEstimate, PowerModelInput } from './config/power-estimate.ts';
import { fileUrl } from './package-root.ts';

type EstimatePower = (input: PowerModelInput) => PowerEstimate;

let model: EstimatePower | undefined;

/**
 * Estimates what a machine draws at its plug, in watts, from the family of its CPUs, their number and how busy they are: the model that the agent uses where a machine has
 * no counters of energy, which is nearly every virtual machine. No clock runs, nothing is measured: the same argument always gives the same answer. The memory, disks and
 * network of a server of the benchmark are part of it, accelerators and cooling are not.
 *
 * `n * (idle + (max - idle) * S(u * r ** 2))`: n logical CPUs; idle and max the medians of the family's watts a CPU; u the utilization, r the frequency ratio (1 unless given); S the
 * family's load curve, between whose eleven points it is a line, and beyond 1 it is 1. Watts and curves come from published results of SPECpower_ssj2008
 * (https://www.spec.org/power_ssj2008/). Over the load levels of 109 of them the estimate is off by 15 % in the mean, by 24 % at idle; machines of a few CPUs draw more than it says.
 *
 * Good for ratios on one host. As an absolute value it is a guess with the bounds of `uncertainty`: 1.6 for a family with a known clock, 2.4 without `frequencyRatio`, 3.5 for a
 * CPU that it does not know (0.5 to 2.5 W a CPU). Never a bill.
 *
 * @throws GridwatchError with the code `ERR_GRIDWATCH_OPTION`, and the range in its message, for an argument outside of what `PowerModelInput` says.
 *
 * @example
 * // An AMD EPYC (Turin) of a cloud, 8 vCPUs of which three are busy.
 * const { powerW, uncertainty } = estimatePower({ vendor: 'AuthenticAMD', family: 26, model: 2, logicalCpus: 8, utilization: 3 / 8 });
 * console.log(`${powerW.toFixed(1)} W, between ${(powerW / uncertainty).toFixed(1)} and ${(powerW * uncertainty).toFixed(1)}`);
 */
export function estimatePower(input: PowerModelInput): PowerEstimate {
  model ??= loadModel();
  return model(input);
}

/** Beside the gate, as the patches are: in the package it is a joined file. */
function loadModel(): EstimatePower {
  const gate = fileUrl('register.cjs');
  const isBuilt = /\/dist\/[^/]*$/.test(gate.href);
  const require = process.getBuiltinModule('node:module').createRequire(gate);
  const file = `./agent-thread/energy/power-model.${isBuilt ? 'cjs' : 'ts'}`;
  return (require(file) as { estimatePower: EstimatePower }).estimatePower;
}
