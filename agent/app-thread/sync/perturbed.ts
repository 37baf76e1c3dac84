/**
 * The places in `gridwatch/sync` where `GRIDWATCH_PERTURB` delays a thread: `perturb?.('acquire')`. Undefined in every other run, so they cost nothing.
 *
 * Runs on application threads. An agent that is started after the locks were loaded does not perturb them.
 */
import { findLabLink } from '../lab-link.ts';
import type { Perturb } from '../perturb.ts';

export const perturb: Perturb | undefined = findLabLink()?.perturb;

/** What locks wait and wake by: in that mode each notification is a place, too. */
export function perturbedAtomics<T extends Pick<typeof Atomics, 'notify'>>(atomics: T): T {
  if (perturb === undefined) return atomics;
  const { notify } = atomics;
  return Object.create(atomics, {
    notify: {
      value: (...args: Parameters<typeof notify>): number => {
        perturb('notify');
        return notify(...args);
      },
    },
  }) as T;
}
