/**
 * Divides the energy of an interval among those who used the CPUs in it: whole microjoules, of which none is lost and none is given twice.
 *
 * Runs on the agent thread. Plain reckoning; it never reads anything, nor throws.
 *
 * Invariants, for each interval
 * J1  Idle and active energy are the node's; what the process has of each, and what others have, are all of it.
 * J2  What the threads have, helper classes and the rest included, is the process's active energy.
 * J3  No share is negative, and who has used no CPU time has no active energy.
 *
 * Formulas: `E_idle = min(E_node, P_idle * dt)`, `A_x = E_active * c_x / C_busy` (the usual division by CPU time, as in Kepler and Scaphandre).
 */

/** An interval of the node's energy, and what happened in it. */
export interface EnergyUse {
  /** Of the whole node: a whole number. */
  readonly energyUj: number;
  readonly durationNs: number;
  /** What the node draws when nobody uses it. */
  readonly idlePowerW: number;
  /** The process's share of the idle energy, 0 to 1. */
  readonly idleShare: number;
  /** CPU time of each thread of the process by name; together they are all of the process's. */
  readonly threadsNs: ReadonlyMap<string, number>;
  /** CPU time of everything else on the node. */
  readonly elsewhereNs: number;
}

/** The same energy, divided; whole microjoules. */
export interface EnergyShares {
  readonly processActiveUj: number;
  readonly processIdleUj: number;
  readonly othersActiveUj: number;
  readonly othersIdleUj: number;
  /** Those with none are left out. */
  readonly threadsUj: ReadonlyMap<string, number>;
  /** CPU time of the process. */
  readonly processNs: number;
}

export class Attribution {
  /** What rounding has kept from the process's idle energy so far; below 1. */
  #idleRestUj = 0;

  divide({ energyUj, durationNs, idlePowerW, idleShare, threadsNs, elsewhereNs }: EnergyUse): EnergyShares {
    /* A watt is a microjoule a microsecond. */
    const idleUj = Math.min(energyUj, Math.max(0, Math.round((idlePowerW * durationNs) / 1e3)));
    const activeUj = energyUj - idleUj;
    let processNs = 0;
    for (const ns of threadsNs.values()) processNs += ns;
    const busyNs = processNs + elsewhereNs;
    const threadsUj = new Map<string, number>();
    let usedNs = 0;
    let givenUj = 0;
    /* Each gets what the rounded sum up to it has more than the sum before it: the sums never shrink, and the last one is all. */
    for (const [name, ns] of threadsNs) {
      usedNs += ns;
      const uptoUj = busyNs > 0 ? Math.round(activeUj * (usedNs / busyNs)) : 0;
      if (uptoUj > givenUj) threadsUj.set(name, uptoUj - givenUj);
      givenUj = uptoUj;
    }
    const processIdleUj = this.#idleOf(idleUj, idleShare);
    return {
      processActiveUj: givenUj,
      processIdleUj,
      othersActiveUj: activeUj - givenUj,
      othersIdleUj: idleUj - processIdleUj,
      threadsUj,
      processNs,
    };
  }

  #idleOf(idleUj: number, share: number): number {
    const exactUj = idleUj * share + this.#idleRestUj;
    const wholeUj = Math.min(idleUj, Math.floor(exactUj));
    this.#idleRestUj = Math.min(1, exactUj - wholeUj);
    return wholeUj;
  }
}

/**
 * How far one growing counter is ahead of another that it contains. The two are read one after the other and in different grains, so the difference trembles: what
 * it loses is not given out twice when it comes back.
 */
export class Ahead {
  #most = 0;

  /** What was gained since the last call. */
  gained(whole: number, part: number): number {
    const gained = Math.max(0, whole - part - this.#most);
    this.#most += gained;
    return gained;
  }
}
