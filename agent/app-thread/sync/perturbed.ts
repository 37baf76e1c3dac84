/**
 * The places in `gridwatch/sync` where `GRIDWATCH_PERTURB` delays a thread: `perturb?.('acquire')`. Undefined in every other run, so they cost nothing.
 *
 * Runs on application threads. An agent that is started after the locks were loaded does not perturb them.
 */
import { findLabLink } from '../lab-link.ts';
import type { Perturb } from '../perturb.ts';

export const perturb: Perturb | undefined = findLabLink()?.perturb;
