/**
 * The threads under observation: follows each slot from its claim to its release, and drains its ring on the way.
 *
 * Runs on the agent thread. Slots are read at every drain; a thread's end comes from `Liveness`. A slot is given back only after everything
 * that stands in it was read.
 */
import type { ControlMemory } from '../shared-memory/layout.ts';
import { SLOT, SlotPhase } from '../shared-memory/layout.ts';
import {
  abandonClaim,
  CONTEXT_LOSSES,
  readSlot,
  releaseSlot,
  retireClaim,
  type SlotClaim,
  type SlotSnapshot,
  scanSlots,
} from '../shared-memory/registry.ts';
import { RingReader, type RingRecord } from '../shared-memory/ring-reader.ts';
import type { Dispatch } from './dispatch.ts';
import type { LockDeath } from './lock-death.ts';
import type { EventLoop } from './model/event-loop.ts';
import type { EventLoops } from './model/event-loops.ts';
import type { GcReader, GcTotals } from './model/gc.ts';
import type { Heaps, ThreadHeap } from './model/heaps.ts';
import type { Queues } from './model/queues.ts';
import type { RecentThreads } from './model/recent-threads.ts';
import type { ThreadEntry, ThreadTable } from './model/threads.ts';

/** A claim that is not completed by then was left by a thread that died in the middle of it. */
const CLAIM_TIMEOUT_NS = 10e9;
/** The time since the last look counts for at most so much: a process that was stopped has stopped the claimer as well. */
const MAX_LOOK_NS = 1e9;

/** A slot seen in the middle of a claim. */
interface PendingClaim {
  readonly generation: number;
  lookedNs: number;
  waitedNs: number;
}

export interface ObservedThread {
  readonly claim: SlotClaim;
  readonly entry: ThreadEntry;
  readonly ring: RingReader;
  readonly gc: GcReader;
  readonly loop: EventLoop;
  readonly heap: ThreadHeap;
  readonly claimedNs: number;
  osThreadId: number;
  isStarted: boolean;
}

export interface ObservedThreadsSettings {
  readonly memory: ControlMemory;
  readonly table: ThreadTable;
  readonly gcTotals: GcTotals;
  readonly loops: EventLoops;
  readonly heaps: Heaps;
  readonly queues: Pick<Queues, 'end'>;
  readonly recent: Pick<RecentThreads, 'end'>;
  readonly dispatch: Dispatch;
  readonly lockDeath: LockDeath;
  readonly nowNs: () => number;
}

export class ObservedThreads {
  readonly #settings: ObservedThreadsSettings;
  readonly #memory: ControlMemory;
  readonly #table: ThreadTable;
  readonly #dispatch: Dispatch;
  readonly #bySlot = new Map<number, ObservedThread>();
  readonly #claiming = new Map<number, PendingClaim>();

  constructor(settings: ObservedThreadsSettings) {
    this.#settings = settings;
    this.#memory = settings.memory;
    this.#table = settings.table;
    this.#dispatch = settings.dispatch;
  }

  /** The thread that has the slot. */
  get(slot: number): ObservedThread | undefined {
    return this.#bySlot.get(slot);
  }

  [Symbol.iterator](): Iterator<ObservedThread> {
    return this.#bySlot.values();
  }

  /** Opens new threads, notes those that reached user code, and drains all rings. Returns how many records there were. */
  drain(nowNs: number): number {
    scanSlots(this.#memory, (slot, generation, phase) => {
      if (phase === SlotPhase.CLAIMING) {
        this.#watchClaim({ slot, generation }, nowNs);
        return;
      }
      const thread = this.#observe({ slot, generation });
      if (thread === undefined) return;
      if (phase > SlotPhase.CLAIMED && !thread.isStarted) this.#refresh(thread);
    });
    /* Once all threads are known: the records of one name others. */
    let records = 0;
    for (const thread of this.#bySlot.values()) records += this.#drainRing(thread);
    this.#dispatch.drained(nowNs);
    return records;
  }

  /** Ends the claim of a thread that should have attached long ago, unless it has after all. */
  giveUp(claim: SlotClaim, nowNs: number): void {
    if (retireClaim(this.#memory, claim)) this.end(claim, nowNs);
  }

  /** Reads all that a dead thread left, says how it ended, and gives its slot back. */
  end(claim: SlotClaim, nowNs: number): void {
    const thread = this.#observe(claim);
    const last = readSlot(this.#memory, claim.slot);
    if (thread === undefined || last === undefined || last.generation !== claim.generation) return;
    this.#refresh(thread);
    this.#drainRing(thread);
    const { gcTotals, loops, heaps, queues, recent, lockDeath } = this.#settings;
    /* First of all: somebody may be waiting for what it held. */
    lockDeath.end(thread);
    gcTotals.close(thread.gc);
    loops.close(thread.loop, last.endedNs > 0 ? last.endedNs : nowNs);
    heaps.close(thread.heap);
    queues.end(claim, nowNs);
    recent.end(thread);
    this.#dispatch.ended(thread, last, this.#wasStopped(last), nowNs);
    this.#bySlot.delete(claim.slot);
    releaseSlot(this.#memory, claim);
  }

  /** Somebody ended the thread: by `terminate()`, or because the thread that had started it ended. */
  #wasStopped(last: SlotSnapshot): boolean {
    if (last.isTerminated) return true;
    for (const { claim, entry } of this.#bySlot.values()) {
      if (entry.info.threadId !== last.parentThreadId) continue;
      const parent = readSlot(this.#memory, claim.slot);
      return parent === undefined || parent.isTerminated || parent.phase === SlotPhase.EXITING;
    }
    return true;
  }

  #observe(claim: SlotClaim): ObservedThread | undefined {
    const known = this.#bySlot.get(claim.slot);
    if (known !== undefined && known.claim.generation === claim.generation) return known;
    const slot = readSlot(this.#memory, claim.slot);
    if (slot === undefined || slot.generation !== claim.generation) return undefined;
    this.#claiming.delete(claim.slot);
    const { gcTotals, loops, heaps } = this.#settings;
    const entry = this.#table.open({
      slot: claim.slot,
      generation: claim.generation,
      threadId: slot.threadId,
      osThreadId: slot.osThreadId,
      name: slot.name,
      role: claim.slot === 0 ? 'main' : 'worker',
      parentThreadId: slot.parentThreadId,
      claimedNs: slot.claimedNs,
      startedNs: 0,
    });
    const loop = loops.open(claim.slot, entry.name, entry);
    const thread: ObservedThread = {
      claim,
      entry,
      ring: new RingReader(this.#memory, claim.slot),
      gc: gcTotals.open(this.#memory, claim.slot, entry.name),
      loop,
      heap: heaps.open(claim.slot, entry.name, (nowNs) => loop.activeUntilNs(nowNs)),
      claimedNs: slot.claimedNs,
      osThreadId: slot.osThreadId,
      isStarted: false,
    };
    this.#bySlot.set(claim.slot, thread);
    return thread;
  }

  #refresh(thread: ObservedThread): void {
    const slot = readSlot(this.#memory, thread.claim.slot);
    if (slot === undefined || slot.generation !== thread.claim.generation) return;
    if (thread.osThreadId === 0 && slot.osThreadId > 0) thread.osThreadId = slot.osThreadId;
    this.#table.attached(thread.entry, slot.threadId, slot.osThreadId);
    if (thread.isStarted || slot.startedNs === 0) return;
    thread.isStarted = true;
    this.#dispatch.started(thread, slot);
  }

  #drainRing(thread: ObservedThread): number {
    const visited = thread.ring.drain(
      (record: RingRecord) => this.#dispatch.record(thread, record),
      this.#settings.nowNs,
    );
    if (this.#memory.i32[this.#memory.slotAt(thread.claim.slot, SLOT.GC_SUSPENDED) >> 2] === 1)
      this.#dispatch.gcSuspended();
    const losses = this.#memory.i32[this.#memory.slotAt(thread.claim.slot, SLOT.CONTEXT_LOSSES) >> 2] as number;
    if (losses !== 0)
      for (const [bit, reason] of CONTEXT_LOSSES.entries())
        if ((losses & (1 << bit)) !== 0) this.#dispatch.contextLost(reason);
    thread.ring.takeDropped((kind, dropped) => this.#dispatch.dropped(kind, dropped));
    return visited;
  }

  #watchClaim(claim: SlotClaim, nowNs: number): void {
    const seen = this.#claiming.get(claim.slot);
    if (seen === undefined || seen.generation !== claim.generation) {
      this.#claiming.set(claim.slot, { generation: claim.generation, lookedNs: nowNs, waitedNs: 0 });
      return;
    }
    seen.waitedNs += Math.min(nowNs - seen.lookedNs, MAX_LOOK_NS);
    seen.lookedNs = nowNs;
    if (seen.waitedNs <= CLAIM_TIMEOUT_NS) return;
    this.#claiming.delete(claim.slot);
    abandonClaim(this.#memory, claim);
  }
}
