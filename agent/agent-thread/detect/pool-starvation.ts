/**
 * Pool starvation: every item that a pool or queue works on has put items into that same pool which wait, and for a long time none has begun or ended. If they
 * wait for those, none ever will.
 *
 * Runs on the agent thread, once a second. Whether somebody waits for what he has submitted cannot be seen, neither from a promise nor from a message, so this is a
 * finding and never a deadlock. A crawler that puts links into its own queue while it works stays below: its items begin and end.
 */

import type { ControlMemory } from '../../shared-memory/layout.ts';
import { QUEUE_CELL, type QueueKind, scanQueueCells } from '../../shared-memory/queue-cells.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import type { SceneThread } from '../model/lock-scene-types.ts';
import type { Findings } from './findings.ts';
import { threadAttributes } from './lock-attributes.ts';

/** Longer than the time-outs that programs mostly have for a task that only looks like it: a request of its own that is answered late. */
const STARVED_NS = 10e9;
const EVERY_NS = 1e9;

export interface PoolStarvationSettings {
  readonly memory: ControlMemory;
  readonly findings: Pick<Findings, 'report'>;
  /** The shown name of a number. */
  readonly nameOf: (nameNumber: number, kind: QueueKind) => string;
  readonly threadOf: (owner: SlotClaim) => SceneThread | undefined;
}

/** A cell that looks starved, and since when nothing has moved there. */
interface Stuck {
  readonly moves: string;
  readonly sinceNs: number;
  isTold: boolean;
}

export class PoolStarvation {
  readonly #settings: PoolStarvationSettings;
  #stuck = new Map<string, Stuck>();
  #lookedNs = Number.NEGATIVE_INFINITY;

  constructor(settings: PoolStarvationSettings) {
    this.#settings = settings;
  }

  /** To be called at every poll. */
  look(nowNs: number): void {
    if (nowNs - this.#lookedNs < EVERY_NS) return;
    this.#lookedNs = nowNs;
    const { memory } = this.#settings;
    const stuck = new Map<string, Stuck>();
    scanQueueCells(memory, (at, owner, nameNumber, kind) => {
      const word = (field: number): number => memory.i32[(at + field) >> 2] as number;
      const active = word(QUEUE_CELL.ACTIVE);
      const isFull = active >= word(QUEUE_CELL.LIMIT);
      if (active <= 0 || word(QUEUE_CELL.SELF_WAITING) < active || word(QUEUE_CELL.SIZE) <= 0 || !isFull) return;
      const key = `${at} ${owner.slot}.${owner.generation} ${nameNumber} ${kind}`;
      /* An arrival is no movement: who comes waits like the others. */
      const begun = word(QUEUE_CELL.ARRIVALS) - word(QUEUE_CELL.SIZE);
      const moves = `${begun} ${word(QUEUE_CELL.COMPLETIONS)} ${word(QUEUE_CELL.ABORTS)}`;
      const before = this.#stuck.get(key);
      const found = before?.moves === moves ? before : { moves, sinceNs: nowNs, isTold: false };
      stuck.set(key, found);
      if (found.isTold || nowNs - found.sinceNs < STARVED_NS) return;
      found.isTold = true;
      this.#report(this.#settings.nameOf(nameNumber, kind), kind, owner, active, nowNs);
    });
    this.#stuck = stuck;
  }

  #report(name: string, kind: QueueKind, owner: SlotClaim, active: number, nowNs: number): void {
    const { findings, threadOf } = this.#settings;
    const thread = threadOf(owner);
    const each =
      active === 1 ? 'the one task that it works on has' : `each of the ${active} tasks that it works on has`;
    findings.report({
      finding: 'pool_starvation',
      body: `${name} waits for itself: ${each} put tasks into it, which wait; none has begun or ended for ${STARVED_NS / 1e9} s, and if they wait for those, none ever will`,
      attributes: {
        ...(thread === undefined ? {} : threadAttributes(thread)),
        'gridwatch.queue.name': name,
        'gridwatch.queue.kind': kind,
      },
      place: { site: '', stack: '' },
      key: name,
      context: undefined,
      timeNs: nowNs,
    });
  }
}
