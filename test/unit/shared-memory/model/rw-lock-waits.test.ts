/**
 * Blocking waits for an RwLock under every interleaving, as `waiting.ts`, `lock-side.ts` and `rw-lock-sides.ts` make them: with slices, time-outs at any
 * moment, and deaths that only the waiters find out, as without the agent. The words alone are explored in `rw-lock.test.ts`.
 */

import { describe, expect, test, vi } from 'vitest';
import type { HeldLease, Releaser } from '../../../../agent/app-thread/sync/lease.ts';
import type { LocalLock } from '../../../../agent/app-thread/sync/local-lock.ts';
import type { Lease } from '../../../../agent/app-thread/sync/lock-options.ts';
import type { Sides } from '../../../../agent/app-thread/sync/rw-lock-sides.ts';
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import type { LockMemory } from '../../../../agent/shared-memory/lock-memory.ts';
import { explore, headline, host, type Model, program, type View } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { loadSync, type SyncChange, type SyncSources } from '../../../support/sync-variant.ts';

/* Some tens of thousands of states take seconds on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

const THREADS = ['a', 'b'] as const;
type Thread = (typeof THREADS)[number];
const GENERATION = 1;
const LIVE = 2;
/** A word that is looked at by who is in: so that being in takes a step. */
const DATA = 60;

interface Sources extends SyncSources {
  readonly memory: LockMemory;
  readonly words: Int32Array;
}

const NO_SPIN: SyncChange = {
  file: 'app-thread/sync/waiting.ts',
  from: 'timeoutMs > 0 && CAN_SPIN && spin(contended)',
  to: 'false && spin(contended)',
};

async function load(changes: readonly SyncChange[]): Promise<Sources> {
  const sources = await loadSync([NO_SPIN, ...changes]);
  const views = modelControlMemory({} as LockMemory['views']);
  const memory = Object.create(sources.layout.LockMemory.prototype, {
    views: { value: views },
    threadsHigh: { value: THREADS.length },
  }) as LockMemory;
  return { ...sources, memory, words: views.i32 };
}

const stateAt = ({ memory, layout }: Sources, name: Thread): number =>
  memory.threadAt(THREADS.indexOf(name), layout.LOCK_THREAD.STATE);

const notify = Atomics.notify;

/** Who has parked keeps of all that went before only how often its time was up. What two slices do not make good, none does. */
function settlingWait(): typeof Atomics.wait {
  let slices = 0;
  return ((words: Int32Array, index: number, value: number, timeoutMs?: number) => {
    const outcome = Atomics.wait(words, index, value, slices < 2 ? timeoutMs : undefined);
    if (outcome === 'timed-out') slices++;
    host.settle(`${index} ${outcome} ${slices} ${program.elapsedMs}`);
    return outcome;
  }) as typeof Atomics.wait;
}

/** The lock as a thread sees it, with as much of the thread as the lock asks for. */
function sidesOf(sources: Sources, name: Thread): Sides {
  const { memory, words, lockWord } = sources;
  const thread = {
    memory,
    thread: THREADS.indexOf(name),
    word: lockWord.holderWord(THREADS.indexOf(name), GENERATION),
    clock: { nowNs: () => program.elapsedMs * 1e6 },
    atomics: { notify, wait: settlingWait() },
    takeAbort: () => false,
    tell: () => {},
  };
  const open = (releaser: Releaser, abandoned: boolean): object => ({ releaser, abandoned, isHeld: true, part: 0 });
  const lock = {
    thread,
    id: 1,
    kind: 'rwlock',
    name: '',
    words,
    spins: 0,
    waits: { record: () => {} },
    sharedWaits: { record: () => {} },
    countAcquisition: () => {},
    countContention: () => {},
    queue: { waitersFor: () => 0 },
    open,
    close: (lease: { isHeld: boolean }) => {
      lease.isHeld = false;
    },
  } as unknown as LocalLock;
  return new sources.rwLockSides.Sides(lock);
}

interface Options {
  readonly timeoutMs?: number;
}

/** Comes in once, blocking, and leaves; or gives up. */
const enters =
  (sources: Sources, name: Thread, mode: 'read' | 'write', { timeoutMs = Number.POSITIVE_INFINITY }: Options = {}) =>
  (): void => {
    const side = sidesOf(sources, name)[mode];
    let lease: Lease;
    try {
      lease = side.acquire({ timeoutMs });
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_GRIDWATCH_LOCK_TIMEOUT') throw error;
      host.note(`gave up ${name}`, 1);
      return;
    }
    host.note(`told ${name}`, lease.abandoned ? 1 : 0);
    host.note(`${mode} ${name}`, 1);
    host.settle('in');
    Atomics.load(sources.words, DATA);
    host.note(`${mode} ${name}`, 0);
    side.release(lease as HeldLease);
    host.note(`done ${name}`, 1);
  };

/** The entry of a thread that is gone is given back: nobody else looks after the lock. */
const registrar = (sources: Sources, name: Thread) => (): void => {
  host.untilGone(name);
  Atomics.store(sources.memory.views.i32, stateAt(sources, name) >> 2, GENERATION << 2);
};

function invariants({ get, status }: View): string | undefined {
  const isIn = (mode: string, name: Thread): boolean => get(`${mode} ${name}`) === 1 && status(name) === 'running';
  if (isIn('write', 'a') && (isIn('write', 'b') || isIn('read', 'b'))) return 'Y1: b is in while a writes';
  const isUntold = status('a') === 'dead' && get('write a') === 1 && (isIn('write', 'b') || isIn('read', 'b'));
  return isUntold && get('told b') === 0 ? 'Y4: b was not told' : undefined;
}

interface Scene {
  readonly programs: (sources: Sources) => Readonly<Record<string, () => void>>;
  readonly model: Partial<Model>;
}

async function run({ programs, model }: Scene, changes: readonly SyncChange[] = []): Promise<string> {
  const sources = await load(changes);
  const { layout, lockWord, rwLockWords, memory } = sources;
  const { LOCK_THREAD } = layout;
  const states = THREADS.map((name) => stateAt(sources, name));
  const still = new Set<number>([BLOCK.ACQUISITIONS, BLOCK.SHARED_ACQUISITIONS, BLOCK.SHARED_CONTENTIONS, BLOCK.ASK]);
  for (const at of [BLOCK.TIMEOUTS, BLOCK.SHARED_TIMEOUTS, BLOCK.ABANDONMENTS, BLOCK.GENERATION, 60]) still.add(at);
  for (const thread of [0, 1]) still.add(memory.threadAt(thread, LOCK_THREAD.OS_THREAD_ID));
  if (model.mayDie === undefined) for (const at of states) still.add(at);
  still.delete(DATA * 4);
  const exploration = explore({
    isPrivate: (at) => still.has(at),
    always: invariants,
    atEnd: ({ get, status }) => {
      if (status('b') !== 'dead' && get('done b') + get('gave up b') === 0) return 'b never comes in';
      if (lockWord.threadOf(get(BLOCK.WORD)) >= 0 && status('a') !== 'dead') return 'the lock word has a holder';
      return THREADS.some((name, thread) => status(name) !== 'dead' && get(rwLockWords.readerAt(0, thread)) !== 0)
        ? 'somebody reads for ever'
        : undefined;
    },
    ...model,
    threads: programs(sources),
    initial: states.map((at) => [at, (GENERATION << 2) | LIVE] as const),
  });
  return headline(exploration);
}

const MODES = ['read', 'write'] as const;
const anyTime = { timeouts: 'any time' } as const;
/* Slices come to an end when nothing else happens. */
const mortal = { mayDie: ['a'], timeouts: 'at last' } as const;

const givesUp = (b: 'read' | 'write'): Scene => ({
  programs: (s) => ({ a: enters(s, 'a', 'write', { timeoutMs: 2 }), b: enters(s, 'b', b) }),
  model: anyTime,
});
const bothGiveUp: Scene = {
  programs: (s) => ({ a: enters(s, 'a', 'write', { timeoutMs: 2 }), b: enters(s, 'b', 'read', { timeoutMs: 2 }) }),
  model: anyTime,
};
const dies = (a: 'read' | 'write', b: 'read' | 'write'): Scene => ({
  programs: (s) => ({ a: enters(s, 'a', a), b: enters(s, 'b', b), registrar: registrar(s, 'a') }),
  model: mortal,
});

describe('blocking waits for an RwLock, in every interleaving', () => {
  test.each(MODES)('a writer that gives up at any time, beside one who is to %s', async (mode) => {
    expect(await run(givesUp(mode))).toBe('nothing');
  });

  test('a writer and a reader that give up at any time', async () => {
    expect(await run(bothGiveUp)).toBe('nothing');
  });

  test.each([
    ['write', 'write'],
    ['write', 'read'],
    ['read', 'write'],
  ] as const)('one that is to %s may die at any step, and the other, who is to %s, finds out', async (a, b) => {
    expect(await run(dies(a, b))).toBe('nothing');
  });
});

describe('a mistake is found', () => {
  const SIDES = 'app-thread/sync/rw-lock-sides.ts';
  test.each<[mistake: string, found: string, scene: Scene, changes: readonly SyncChange[]]>([
    [
      'a writer that gives up keeps the lock word',
      'has a holder',
      givesUp('read'),
      [{ file: SIDES, from: '=== thread.word) withdrawWriter(words', to: '=== 0) withdrawWriter(words' }],
    ],
    [
      'nobody looks whether the writer is dead',
      'b waits for ever',
      dies('write', 'read'),
      [{ file: SIDES, from: '  look(Atomics.load(words, WORD) & ~FLAGS);\n', to: '' }],
    ],
    [
      'nobody looks whether a reader is dead',
      'b waits for ever',
      dies('read', 'write'),
      [
        {
          file: 'shared-memory/rw-lock-words.ts',
          from: '      sweepReader(i32, blockAt, thread, word);\n      continue;',
          to: '',
        },
        { file: SIDES, from: 'if ((word & MAX_READS) !== 0) look(', to: 'void (' },
      ],
    ],
  ])('%s', async (_, found, scene, changes) => {
    expect(await run(scene, changes)).toContain(found);
  });
});
