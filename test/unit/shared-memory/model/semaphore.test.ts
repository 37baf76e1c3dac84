/**
 * The semaphore's words under every interleaving of holders and waiters, with time-outs, asynchronous waiters and a death before every step. What runs is
 * `semaphore-words.ts` itself; each broken variant shows a part of it that is needed.
 */
import { host, type View } from '../../../support/explore.ts';
import {
  LOCK,
  newPlace,
  noteWaking,
  type Sources,
  THREADS,
  type Thread,
  undertaker,
  untilDone,
  wordOf,
} from './lock-model.ts';
import { type Scene, testLock } from './lock-suite.ts';

/** Holds the permit for one step, or, where it is to meet another thread, until that one has a permit, too. */
function hold(sources: Sources, name: Thread, permit: number, wasTold: boolean, meets?: Thread): void {
  const { semaphore, i32 } = sources;
  noteWaking(name, false);
  host.note(`${name} told`, wasTold ? 1 : 0);
  if (wasTold) host.note('healed', 1);
  host.note(`${name} holds`, permit + 1);
  host.settle(`holds ${permit}`);
  if (meets === undefined) host.peek('section');
  else {
    host.tell(`${name} is in`, 1);
    host.until(`${meets} is in`);
  }
  host.note(`${name} holds`, 0);
  noteWaking(name, true);
  semaphore.freePermit(i32, LOCK, wordOf(sources, name), permit);
  noteWaking(name, false);
}

/** Acquires once, blocking, as `waiting.ts` does: who was woken, and gives up or acquires, sees to the others. */
const acquires = (sources: Sources, name: Thread, timeoutMs?: number, meets?: Thread) => (): void => {
  const { semaphore, i32 } = sources;
  const place = newPlace();
  for (let wasWoken = false; ; ) {
    const taken = semaphore.tryPermit(i32, LOCK, wordOf(sources, name), place);
    if (taken !== undefined) {
      if (wasWoken) semaphore.passOn(i32, LOCK);
      hold(sources, name, taken.permit, taken.abandoned, meets);
      return;
    }
    noteWaking(name, true);
    const outcome = Atomics.wait(i32, place.index, place.value, timeoutMs);
    wasWoken ||= outcome !== 'not-equal';
    host.settle(`${outcome} ${wasWoken}`);
    if (outcome !== 'timed-out') continue;
    /* It tries once more before it gives up. */
    const late = semaphore.tryPermit(i32, LOCK, wordOf(sources, name), place);
    semaphore.passOn(i32, LOCK);
    if (late !== undefined) hold(sources, name, late.permit, late.abandoned);
    noteWaking(name, false);
    return;
  }
};

const acquiresAsync = (sources: Sources, name: Thread) => (): void => {
  const { semaphore, i32 } = sources;
  let permit = 0;
  untilDone(sources, () => {
    const taken = semaphore.tryPermit(i32, LOCK, wordOf(sources, name), newPlace());
    permit = taken?.permit ?? 0;
    return taken !== undefined;
  });
  hold(sources, name, permit, false);
};

/** Has the permit from the beginning, and releases it. */
const releases = (sources: Sources, name: Thread, permit: number) => (): void => {
  noteWaking(name, true);
  sources.semaphore.freePermit(sources.i32, LOCK, wordOf(sources, name), permit);
  noteWaking(name, false);
};

/** P1 of every state; the next who gets a permit that a dead thread had is told. */
function invariants({ get, status }: View): string | undefined {
  const holders = THREADS.filter((name) => get(`${name} holds`) !== 0);
  for (const name of holders.filter((holder) => status(holder) === 'running')) {
    const before = holders.find((other) => other !== name && get(`${other} holds`) === get(`${name} holds`));
    if (before === undefined) continue;
    if (status(before) === 'running') return `P1: ${name} and ${before} have one permit`;
    if (get(`${name} told`) === 0 && get('healed') === 0) return `P1: ${name} was not told`;
  }
  return undefined;
}

const isFree =
  ({ semaphore, word }: Sources, permits: number) =>
  ({ get }: View): string | undefined => {
    for (let permit = 0; permit < permits; permit++)
      if (word.threadOf(get(semaphore.permitAt(LOCK, permit))) >= 0) return 'a permit is never free again';
    return undefined;
  };

interface SemaphoreScene extends Scene {
  readonly permits: number;
  /** Who has which permit from the beginning. */
  readonly held?: readonly Thread[];
}

const three: SemaphoreScene = {
  permits: 1,
  programs: (s) => ({ a: acquires(s, 'a'), b: acquires(s, 'b'), c: acquires(s, 'c') }),
};
const twoOfTwo: SemaphoreScene = {
  permits: 2,
  programs: (s) => ({ a: acquires(s, 'a'), b: acquires(s, 'b') }),
};
const twoAtOnce: SemaphoreScene = {
  permits: 2,
  held: ['a', 'a'],
  programs: (s) => ({
    a: () => {
      releases(s, 'a', 0)();
      releases(s, 'a', 1)();
    },
    b: acquires(s, 'b', undefined, 'c'),
    c: acquires(s, 'c', undefined, 'b'),
  }),
};
const givesUp: SemaphoreScene = {
  permits: 1,
  held: ['a'],
  programs: (s) => ({ a: releases(s, 'a', 0), b: acquires(s, 'b', 1), c: acquires(s, 'c') }),
  model: { timeouts: 'any time' },
};
const asyncAndBlocking: SemaphoreScene = {
  permits: 1,
  held: ['a'],
  programs: (s) => ({ a: releases(s, 'a', 0), b: acquiresAsync(s, 'b'), c: acquires(s, 'c') }),
  model: { hasAsync: true },
};
const mortal: SemaphoreScene = {
  permits: 1,
  programs: (s) => ({ a: acquires(s, 'a'), b: acquires(s, 'b'), undertaker: undertaker(s, 'a') }),
  model: { mayDie: ['a'] },
};
const mortalWaiter: SemaphoreScene = {
  permits: 1,
  held: ['b'],
  programs: (s) => ({
    a: acquires(s, 'a'),
    b: releases(s, 'b', 0),
    c: acquires(s, 'c'),
    undertaker: undertaker(s, 'a'),
  }),
  model: { mayDie: ['a'] },
};

testLock<SemaphoreScene>({
  kind: 'semaphore',
  file: 'shared-memory/semaphore-words.ts',
  numberA: ({ permits }) => permits,
  rules: (sources, { permits, held = [] }) => ({
    initial: held.map((name, permit) => [sources.semaphore.permitAt(LOCK, permit), wordOf(sources, name)] as const),
    always: invariants,
    atEnd: isFree(sources, permits),
  }),
  scenes: [
    ['P1-P3', 'three threads for one permit', three],
    ['P1-P3', 'two threads for two permits', twoOfTwo],
    ['P1-P3', 'two permits are released, and two threads wait to have them at once', twoAtOnce],
    ['P1-P3', 'a waiter that gives up at any time', givesUp],
    ['P1-P3', 'one waits asynchronously, one blocked', asyncAndBlocking],
    ['P1-P3', 'a thread that may die at any step', mortal],
    ['P1-P3', 'a waiter that may die at any step', mortalWaiter],
    ['P2', 'the same where stores become visible late', { ...twoOfTwo, model: { maxPendingStores: 2 } }],
  ],
  mistakes: [
    [
      'a permit is taken without a compare',
      'never free again',
      twoOfTwo,
      'if (Atomics.compareExchange(i32, at, word, me) === word) return',
      'if (Atomics.exchange(i32, at, me) === word) return',
    ],
    [
      'who has said that it waits does not look again',
      'waits for ever',
      three,
      'WAITERS) | WAITERS;\n  return takePermit(i32, blockAt, me, from);',
      'WAITERS) | WAITERS;\n  return undefined;',
    ],
    [
      'who frees a permit wakes nobody',
      'waits for ever',
      three,
      '!== me) return false;\n  wakeNext(i32, blockAt);',
      '!== me) return false;',
    ],
    [
      'the wake-up comes before the permit is free',
      'waits for ever',
      three,
      'if (Atomics.compareExchange(i32, permitAt(blockAt, permit) >> 2, me, 0) !== me) return false;\n  wakeNext(i32, blockAt);',
      'wakeNext(i32, blockAt);\n  if (Atomics.compareExchange(i32, permitAt(blockAt, permit) >> 2, me, 0) !== me) return false;',
    ],
    [
      'P3: who was woken does not say again that somebody waits',
      'waits for ever',
      three,
      `  Atomics.or(i32, (blockAt + SEMAPHORE.EVENTS) >> 2, WAITERS);\n`,
      '',
    ],
    [
      'P3: who was woken does not wake the next',
      'waits for ever',
      twoAtOnce,
      'wakeNext(i32, blockAt);\n    return;',
      'return;',
    ],
    [
      'a waiter that gives up keeps its wake-up',
      'waits for ever',
      givesUp,
      'export function passOn(i32: Int32Array, blockAt: number): void {',
      'export function passOn(i32: Int32Array, blockAt: number): void {\n  if (blockAt > 0) return;',
    ],
    [
      'an asynchronous waiter is not woken',
      'waits for ever',
      asyncAndBlocking,
      '  wake(i32, at, 1);\n  wakeAsyncWaiters(i32, blockAt);',
      '  wake(i32, at, 1);',
    ],
    ['nobody is told of a dead thread', 'was not told', mortal, 'dead, DIED) === dead', 'dead, 0) === dead'],
    ['a dead thread keeps its permit', 'waits for ever', mortal, 'dead, DIED) === dead', 'dead, dead) === 0'],
    [
      'a dead thread is taken out in silence',
      'waits for ever',
      mortal,
      '    wakeAllAtSemaphore(i32, blockAt);\n  }',
      '  }',
    ],
    [
      'a wake-up that a dead thread got is not made good',
      'waits for ever',
      mortalWaiter,
      '  Atomics.add(i32, at, 2);\n  wake(i32, at);',
      '',
    ],
  ],
});
