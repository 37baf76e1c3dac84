/**
 * Whose a holder word, a slot or an entry of lock memory is: the threads that use locks, as the detectors and the blame name them.
 *
 * Runs on the agent thread. Threads that the agent does not observe are known by their entry in lock memory alone. Of threads that have ended the
 * last ones are remembered, because a wait may be told of after its holder's end; there are never more than the bound.
 */
import { type ControlMemory, SLOT } from '../../shared-memory/layout.ts';
import { LOCK_THREAD, LOCK_THREADS, type LockMemory } from '../../shared-memory/lock-memory.ts';
import { generationOf, holderWord, isOfDeadThread, threadOf } from '../../shared-memory/lock-word.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import type { SceneThread } from './lock-scene-types.ts';

const MAX_ENDED = 1024;
const LIVE = 2;

/** What is known of an observed thread. */
export interface ObservedIdentity {
  readonly claim: SlotClaim;
  readonly entry: { readonly name: string; readonly info: { readonly threadId: number } };
  readonly osThreadId: number;
}

export interface SceneThreadsSettings {
  readonly memory: ControlMemory;
  readonly lockMemory: LockMemory;
  /** The observed threads that live. */
  readonly observed: () => Iterable<ObservedIdentity>;
}

export class SceneThreads {
  readonly #settings: SceneThreadsSettings;
  /** As of the last refresh, by slot, and by entry of lock memory. */
  #bySlot = new Map<number, SceneThread>();
  #byEntry = new Map<number, SceneThread>();
  /** By holder word, and by minus slot + 1. */
  readonly #ended = new Map<number, SceneThread>();

  constructor(settings: SceneThreadsSettings) {
    this.#settings = settings;
  }

  /** Looks at all threads anew. */
  refresh(): void {
    const { lockMemory } = this.#settings;
    const { i32 } = lockMemory.views;
    const word = (thread: number, field: number): number => Atomics.load(i32, lockMemory.threadAt(thread, field) >> 2);
    const entryOfSlot = new Map<number, { thread: number; generation: number; slotGeneration: number }>();
    this.#byEntry = new Map();
    for (let thread = 0, high = lockMemory.threadsHigh; thread < high; thread++) {
      const state = word(thread, LOCK_THREAD.STATE);
      if ((state & 3) !== LIVE) continue;
      const slot = word(thread, LOCK_THREAD.AGENT_SLOT) - 1;
      const generation = state >>> 2;
      if (slot >= 0) {
        const slotGeneration = word(thread, LOCK_THREAD.AGENT_GENERATION);
        entryOfSlot.set(slot, { thread, generation, slotGeneration });
      } else {
        const threadId = word(thread, LOCK_THREAD.THREAD_ID);
        this.#byEntry.set(thread, {
          key: `l${thread}.${generation}`,
          threadId,
          name: `thread ${threadId}`,
          osThreadId: word(thread, LOCK_THREAD.OS_THREAD_ID),
          turns: undefined,
          lockThread: thread,
          lockGeneration: generation,
        });
      }
    }
    this.#bySlot = new Map();
    for (const observed of this.#settings.observed()) {
      const { slot, generation } = observed.claim;
      const entry = entryOfSlot.get(slot);
      const own = entry?.slotGeneration === generation ? entry : undefined;
      const thread = this.#describe(observed, own?.thread ?? -1, own?.generation ?? -1);
      this.#bySlot.set(slot, thread);
      if (own !== undefined) this.#byEntry.set(own.thread, thread);
    }
  }

  #describe({ claim, entry, osThreadId }: ObservedIdentity, lockThread: number, lockGeneration: number): SceneThread {
    const { memory } = this.#settings;
    const beats = Atomics.load(memory.i32, memory.slotAt(claim.slot, SLOT.LOOP_BEAT) >> 2);
    return {
      key: `t${claim.slot}.${claim.generation}`,
      threadId: entry.info.threadId,
      name: entry.name,
      osThreadId,
      turns: beats === 0 ? undefined : beats,
      lockThread,
      lockGeneration,
    };
  }

  /** The observed threads, by slot. */
  get observed(): ReadonlyMap<number, SceneThread> {
    return this.#bySlot;
  }

  /** Threads that the agent does not observe. */
  *unobserved(): Generator<SceneThread> {
    for (const thread of this.#byEntry.values()) if (thread.key.startsWith('l')) yield thread;
  }

  /** The thread that a holder word names, if it lives. */
  ofWord(word: number): SceneThread | undefined {
    const entry = threadOf(word);
    if (entry < 0 || entry >= LOCK_THREADS || isOfDeadThread(this.#settings.lockMemory, word)) return undefined;
    const thread = this.#byEntry.get(entry);
    return thread !== undefined && isOf(thread, word) ? thread : undefined;
  }

  /** The same by slot + 1 where there is no holder word. Looks anew when the thread is not known. */
  find(word: number, slot: number): SceneThread | undefined {
    const known = this.#findKnown(word, slot);
    /* One that had not attached yet when it was looked at may have by now. */
    if ((known !== undefined && known.threadId >= 0) || (word === 0 && slot === 0)) return known;
    this.refresh();
    return this.#findKnown(word, slot);
  }

  #findKnown(word: number, slot: number): SceneThread | undefined {
    return word === 0 ? this.#bySlot.get(slot - 1) : this.ofWord(word);
  }

  /** The same also when the thread has ended not long ago. */
  findEver(word: number, slot: number): SceneThread | undefined {
    return this.#ended.get(wordKey(word)) ?? this.find(word, slot) ?? this.#ended.get(-slot);
  }

  /** A thread has ended; the holder words under which it may have held locks. To be called before its entries are freed. */
  end(observed: ObservedIdentity): number[] {
    const { lockMemory } = this.#settings;
    const { i32 } = lockMemory.views;
    const words: number[] = [];
    for (let thread = 0, high = lockMemory.threadsHigh; thread < high; thread++) {
      const at = (field: number): number => Atomics.load(i32, lockMemory.threadAt(thread, field) >> 2);
      const state = at(LOCK_THREAD.STATE);
      if ((state & 3) !== LIVE || at(LOCK_THREAD.AGENT_SLOT) !== observed.claim.slot + 1) continue;
      if (at(LOCK_THREAD.AGENT_GENERATION) !== observed.claim.generation) continue;
      const word = holderWord(thread, state >>> 2);
      words.push(word);
      this.#remember(wordKey(word), this.#describe(observed, thread, state >>> 2));
    }
    this.#remember(-(observed.claim.slot + 1), this.#describe(observed, -1, -1));
    this.#bySlot.delete(observed.claim.slot);
    return words;
  }

  #remember(key: number, thread: SceneThread): void {
    this.#ended.delete(key);
    this.#ended.set(key, thread);
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= MAX_ENDED) return;
      this.#ended.delete(oldest);
    }
  }
}

/** Apart from the keys of slots, which are negative. */
function wordKey(word: number): number {
  return word >>> 0;
}

function isOf({ lockThread, lockGeneration }: SceneThread, word: number): boolean {
  return lockThread === threadOf(word) && (lockGeneration & 0xfffff) === generationOf(word);
}
