/**
 * Knows when a thread has ended, whatever ended it.
 *
 * Runs on the agent thread. Every application thread holds one end of a channel, the agent the other: 'close' arrives 0.5-2.5 ms after the
 * thread's exit, throw or termination, also while its parent is blocked. A thread without a channel (its start message had an unknown form, or
 * this agent thread is not the first) is looked up in /proc instead.
 */
import { existsSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import { isSlot } from '../shared-memory/layout.ts';
import type { SlotClaim } from '../shared-memory/registry.ts';

/** Slots without a channel are looked up this often. */
const LOOKUP_INTERVAL_NS = 1e9;
/** A thread that was claimed but never attached, without a channel, has failed to start. */
const ATTACH_TIMEOUT_NS = 30e9;
/** The time since the last look counts for at most so much: where this thread gets no CPU, those that start get none either. */
const MAX_LOOK_NS = 1.5e9;

export interface LivenessHandlers {
  /** The thread that held this life of the slot is gone. */
  readonly ended: (claim: SlotClaim) => void;
  /** Nothing was heard of the thread since it was claimed. It may only be slow. */
  readonly overdue: (claim: SlotClaim) => void;
  /** A thread has sent something else than the notice of a new thread. Nothing of it is certain. */
  readonly told: (claim: SlotClaim, message: unknown) => void;
}

export class Liveness {
  readonly #handlers: LivenessHandlers;
  /** Lives of slots that a channel watches, by slot. */
  readonly #watched = new Map<number, number>();
  /** How long those without a channel have not attached, by slot. */
  #waiting = new Map<number, { readonly generation: number; readonly waitedNs: number }>();
  #lastLookupNs = 0;

  constructor(handlers: LivenessHandlers) {
    this.#handlers = handlers;
  }

  /** Watches a thread through its channel, and listens there for the threads it starts. */
  watch(claim: SlotClaim, port: MessagePort): void {
    this.#watched.set(claim.slot, claim.generation);
    port.on('message', (notice: unknown) => {
      const { claim: child, port: childPort } = (notice ?? {}) as { claim?: SlotClaim; port?: MessagePort };
      if (child === undefined) this.#handlers.told(claim, notice);
      else if (childPort !== undefined && isSlot(child.slot)) this.watch(child, childPort);
    });
    port.on('close', () => {
      if (this.#watched.get(claim.slot) === claim.generation) this.#watched.delete(claim.slot);
      this.#handlers.ended(claim);
    });
  }

  /**
   * Looks for threads without a channel that are gone. `osThreadId` is 0 for one that has not attached yet, and where the kernel's ids cannot be
   * had: such a thread, once it has attached, stays until the process ends.
   */
  lookUp(threads: Iterable<{ claim: SlotClaim; osThreadId: number }>, nowNs: number): void {
    if (nowNs - this.#lastLookupNs < LOOKUP_INTERVAL_NS) return;
    const lookNs = Math.min(nowNs - this.#lastLookupNs, MAX_LOOK_NS);
    this.#lastLookupNs = nowNs;
    const before = this.#waiting;
    this.#waiting = new Map();
    for (const { claim, osThreadId } of threads) {
      const { slot, generation } = claim;
      if (this.#watched.get(slot) === generation) continue;
      if (osThreadId === 0) {
        const known = before.get(slot);
        const waitedNs = known?.generation === generation ? known.waitedNs + lookNs : 0;
        this.#waiting.set(slot, { generation, waitedNs });
        if (waitedNs > ATTACH_TIMEOUT_NS) this.#handlers.overdue(claim);
      } else if (!existsSync(`/proc/self/task/${osThreadId}`)) this.#handlers.ended(claim);
    }
  }
}
