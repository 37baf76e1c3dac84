/**
 * What the models of the mutex share: the real cores, waits and queues of `gridwatch/sync` around one lock in a model's memory, the programs that use it, and
 * what must be true of every state. Runs in a test's own process.
 */

import type { HeldLease, Releaser } from '../../../../agent/app-thread/sync/lease.ts';
import type { LocalLock } from '../../../../agent/app-thread/sync/local-lock.ts';
import type { MutexCore } from '../../../../agent/app-thread/sync/mutex-core.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import type { LockMemory } from '../../../../agent/shared-memory/lock-memory.ts';
import { type Exploration, explore, host, type Model, program, type View } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { loadSync, type SyncChange, type SyncSources } from '../../../support/sync-variant.ts';

export const THREADS = ['a', 'b', 'c'] as const;
export type Thread = (typeof THREADS)[number];
const GENERATION = 1;
const LIVE = 2;
/** A word that is looked at by who has the lock: so that having it takes a step. */
const DATA = 60;

export interface Sources extends SyncSources {
  readonly memory: LockMemory;
  readonly words: Int32Array<SharedArrayBuffer>;
}

/** Nobody spins in a model, and who waits for ever is woken by a notification only: nothing that is lost is made good. */
const NO_SPIN: SyncChange = {
  file: 'app-thread/sync/waiting.ts',
  from: 'timeoutMs > 0 && CAN_SPIN && spin(contended)',
  to: 'false && spin(contended)',
};
const ASYNC = 'app-thread/sync/async-waiting.ts';
const NO_TIMER: readonly SyncChange[] = [
  { file: ASYNC, from: 'waitTimer.add(this, waiter.deadlineNs);', to: '' },
  /* Arming loads the word anew, so its growth is nothing that anybody relies on, and only makes more states. */
  { file: 'shared-memory/lock-wake.ts', from: 'Atomics.add(i32, (blockAt + BLOCK.GENERATION) >> 2, 1);', to: '' },
  { file: ASYNC, from: 'if (this.#size === 0) waitTimer.delete(this);', to: '' },
];
export const NO_SLICES: SyncChange = {
  file: 'app-thread/sync/waiting.ts',
  from: 'contended.parkValue, sliceMs)',
  to: 'contended.parkValue, leftMs === Number.POSITIVE_INFINITY ? undefined : sliceMs)',
};

export async function load(changes: readonly SyncChange[]): Promise<Sources> {
  const sources = await loadSync([NO_SPIN, ...NO_TIMER, ...changes]);
  const views = modelControlMemory({} as LockMemory['views']);
  const memory = Object.create(sources.layout.LockMemory.prototype, {
    views: { value: views },
    threadsHigh: { value: THREADS.length },
  }) as LockMemory;
  return { ...sources, memory, words: views.i32 };
}

function wordOf({ lockWord }: Sources, thread: Thread): number {
  return lockWord.holderWord(THREADS.indexOf(thread), GENERATION);
}

const observed = { notify: Atomics.notify, waitAsync: Atomics.waitAsync };

/** Who has parked keeps of all that went before only that it has, and how often its time was up: other states are the same for what follows. */
function settlingWait(name: Thread): typeof Atomics.wait {
  let hasParked = false;
  let slices = 0;
  return ((words: Int32Array, index: number, value: number, timeoutMs?: number) => {
    host.note(`parked ${name}`, 1);
    host.settle(`parks ${hasParked} ${index} ${value} ${slices}`);
    /* What two slices do not make good, none does: the wait is then for ever, and found. */
    const outcome = Atomics.wait(words, index, value, slices < 2 ? timeoutMs : undefined);
    hasParked ||= outcome !== 'not-equal';
    if (outcome === 'timed-out') slices = Math.min(slices + 1, 2);
    host.settle(`${hasParked} ${outcome} ${slices}`);
    return outcome;
  }) as typeof Atomics.wait;
}

/** The lock as a thread sees it, with as much of the thread as the lock asks for. */
function coreOf(sources: Sources, name: Thread, isFair: boolean): MutexCore {
  const { memory, words, layout } = sources;
  const thread = {
    memory,
    thread: THREADS.indexOf(name),
    word: wordOf(sources, name),
    clock: { nowNs: () => program.elapsedMs * 1e6 },
    atomics: { ...observed, wait: settlingWait(name) },
    pinned: new Set(),
    takeAbort: () => false,
    tell: (field: number, value: number) => {
      if (field === layout.LOCK_THREAD.PENDING || field === layout.LOCK_THREAD.AWAITED)
        host.note(`${name} ${field}`, value);
    },
  };
  const open = (releaser: Releaser, abandoned: boolean): object => ({ releaser, abandoned, isHeld: true });
  const lock = {
    thread,
    id: 1,
    kind: 'mutex',
    name: '',
    numberA: isFair ? 1 : 0,
    words,
    spins: 0,
    waits: { record: () => {} },
    countAcquisition: () => {},
    countContention: () => {},
    open,
    openAsync: open,
    close: (lease: { isHeld: boolean }) => {
      lease.isHeld = false;
    },
  } as unknown as LocalLock;
  Object.assign(lock, { queue: new sources.asyncWaiting.AsyncQueue(lock) });
  return sources.mutexCore.coreOf(lock);
}

function inside({ words }: Sources, name: Thread, { abandoned }: { readonly abandoned: boolean }): void {
  host.note(`in ${name}`, 1);
  host.note(`had ${name}`, 1);
  if (abandoned) host.note('told', 1);
  host.settle(`in ${abandoned}`);
  Atomics.load(words, DATA);
  host.note(`in ${name}`, 0);
}

interface BlockingOptions {
  readonly isFair?: boolean;
  readonly timeoutMs?: number;
  /** It comes when this one has queued, or is gone. */
  readonly after?: Thread;
  readonly afterEndOf?: Thread;
}

interface AsyncOptions {
  readonly isFair?: boolean;
  readonly aborts?: boolean;
}

/** Blocks until it has the lock, and releases it; or gives up. */
export const blocking =
  (
    sources: Sources,
    name: Thread,
    { isFair = false, timeoutMs = Number.POSITIVE_INFINITY, after, afterEndOf }: BlockingOptions = {},
  ) =>
  (): void => {
    if (after !== undefined) host.until(`parked ${after}`);
    if (afterEndOf !== undefined) host.untilGone(afterEndOf);
    const core = coreOf(sources, name, isFair);
    let lease: HeldLease;
    try {
      lease = core.acquire({ timeoutMs }) as HeldLease;
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_GRIDWATCH_LOCK_TIMEOUT') return;
      throw error;
    }
    inside(sources, name, lease);
    lease.releaser.release(lease);
    host.note(`done ${name}`, 1);
  };

/** Waits without blocking; `aborts`: at its poll it no longer wants the lock. */
export const asynchronous =
  (sources: Sources, name: Thread, { isFair = false, aborts = false }: AsyncOptions = {}) =>
  (): void => {
    const core = coreOf(sources, name, isFair);
    const controller = new AbortController();
    program.poll = () => {
      if (aborts) controller.abort();
      else core.lock.queue.tick(program.elapsedMs * 1e6);
    };
    program.state = () => `waits with ${core.lock.queue.size}`;
    const options = { timeoutMs: Number.POSITIVE_INFINITY, signal: controller.signal };
    const over = core.lock.queue.wait(core, options, () => {
      const lease = core.openAsync(0, undefined);
      inside(sources, name, lease);
      lease.releaser.release(lease);
      host.note(`done ${name}`, 1);
    });
    over.catch(() => {});
  };

/** The entry of a thread that is gone is given back: without the agent nothing else happens. */
export const registrar =
  ({ memory, layout }: Sources, name: Thread) =>
  (): void => {
    host.untilGone(name);
    Atomics.store(
      memory.views.i32,
      memory.threadAt(THREADS.indexOf(name), layout.LOCK_THREAD.STATE) >> 2,
      GENERATION << 2,
    );
  };

/** What the agent thread does once a thread is gone: takes it out of the lock, and wakes whom it may have been about to wake. */
export const undertaker =
  (sources: Sources, name: Thread, { isFair = false }: { readonly isFair?: boolean } = {}) =>
  (): void => {
    const { words, memory, layout, mutexWords, fairWords } = sources;
    host.untilGone(name);
    const { PENDING, AWAITED, STATE } = layout.LOCK_THREAD;
    const isBuried = mutexWords.bury(words, (word) => (word & ~3) === wordOf(sources, name));
    if (isFair) Atomics.store(memory.views.i32, memory.threadAt(THREADS.indexOf(name), STATE) >> 2, GENERATION << 2);
    if (isBuried || host.peek(`${name} ${PENDING}`) + host.peek(`${name} ${AWAITED}`) > 0) {
      Atomics.notify(words, BLOCK.GENERATION >> 2);
      const next = isFair ? fairWords.callNext(words, memory) : 0;
      if (next >= 0) Atomics.notify(words, next, 1);
    }
    Atomics.store(memory.views.i32, memory.threadAt(THREADS.indexOf(name), STATE) >> 2, GENERATION << 2);
  };

function overtaking({ get }: View, [later, earlier]: readonly [Thread?, Thread?] = []): string | undefined {
  if (later === undefined || get(`in ${later}`) === 0 || get(`had ${earlier}`) === 1) return undefined;
  return `T1: ${later} has overtaken ${earlier}`;
}

/** The living have the lock one at a time. */
const exclusion =
  (names: readonly string[]) =>
  ({ get, status }: View): string | undefined => {
    const holders = names.filter((name) => get(`in ${name}`) === 1 && status(name) === 'running');
    return holders.length > 1 ? `M1: ${holders.join(' and ')} have the lock at once` : undefined;
  };

export interface MutexModel extends Model {
  /** Who must have had the lock in the end, if it lives. */
  readonly mustHave?: readonly Thread[];
  /** The first must not have the lock before the second. */
  readonly overtakes?: readonly [Thread, Thread];
}

export function exploreMutex(sources: Sources, { mustHave = [], overtakes, ...model }: MutexModel): Exploration {
  const { layout, memory } = sources;
  const { LOCK_THREAD } = layout;
  const { DIED } = sources.lockWord;
  const names = THREADS.filter((name) => name in model.threads);
  const states = THREADS.map((_, thread) => memory.threadAt(thread, LOCK_THREAD.STATE));
  const ids = THREADS.map((_, thread) => memory.threadAt(thread, LOCK_THREAD.OS_THREAD_ID));
  const still = new Set<number>([
    BLOCK.ACQUISITIONS,
    BLOCK.CONTENTIONS,
    BLOCK.ABANDONMENTS,
    BLOCK.TIMEOUTS,
    BLOCK.ABORTS,
  ]);
  for (const at of [BLOCK.ASK, ...ids]) still.add(at);
  if (model.mayDie === undefined) for (const at of states) still.add(at);
  return explore({
    isPrivate: (at) => still.has(at),
    always: (view) => exclusion(names)(view) ?? overtaking(view, overtakes),
    atEnd: ({ get, status }) => {
      const without = mustHave.find((name) => status(name) !== 'dead' && get(`done ${name}`) === 0);
      if (without !== undefined) return `${without} never gets the lock`;
      const isUntold = (get(BLOCK.WORD) & DIED) !== 0;
      if (get('told') + Number(isUntold) !== get(BLOCK.ABANDONMENTS))
        return 'M4: not one is told of the abandoned lock';
      return undefined;
    },
    ...model,
    initial: states.map((at) => [at, (GENERATION << 2) | LIVE] as const),
  });
}
