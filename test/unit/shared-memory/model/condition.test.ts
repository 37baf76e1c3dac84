/**
 * The condition's words under every interleaving of waiters and notifiers, with time-outs, asynchronous waiters and a death before every step. What runs is
 * `condition-words.ts` itself; each broken variant shows a part of it that is needed.
 */
import { describe, expect, test, vi } from 'vitest';
import { headline, host, type View } from '../../../support/explore.ts';
import type { Change } from '../../../support/variant.ts';
import {
  exploreLock,
  LOCK,
  type LockModel,
  load,
  noteWaking,
  type Sources,
  THREADS,
  type Thread,
  undertaker,
  untilDone,
  wordOf,
} from './lock-model.ts';

/* Some tens of thousands of states take seconds on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

const change = (from: string, to: string): Change => ({ file: 'shared-memory/condition-words.ts', from, to });

/** Waits once, blocking: from `<name> entered` on, which is where it gives the mutex up, it is to be notified. */
const waits = (sources: Sources, name: Thread, timeoutMs?: number) => (): void => {
  const { condition, i32 } = sources;
  const me = wordOf(sources, name);
  const entry = condition.enterCondition(i32, LOCK, me);
  host.tell(`${name} entered`, 1);
  host.settle(`entry ${entry}`);
  for (;;) {
    if (condition.takeNotification(i32, LOCK, me, entry)) break;
    const at = condition.entryAt(LOCK, entry) >> 2;
    const outcome = Atomics.wait(i32, at, me | condition.WAITING, timeoutMs);
    host.settle(`${outcome} ${entry}`);
    if (outcome !== 'timed-out') continue;
    if (condition.leaveCondition(i32, LOCK, me, entry)) break;
    host.note(`${name} left`, 1);
    return;
  }
  host.note(`${name} notified`, 1);
};

const waitsAsync = (sources: Sources, name: Thread) => (): void => {
  const { condition, i32 } = sources;
  const me = wordOf(sources, name);
  const entry = condition.enterCondition(i32, LOCK, me);
  host.tell(`${name} entered`, 1);
  untilDone(sources, () => condition.takeNotification(i32, LOCK, me, entry));
  host.note(`${name} notified`, 1);
};

/** Notifies one, after those named have entered. */
const notifies =
  (sources: Sources, name: Thread, after: readonly Thread[], what: 'notifyOldest' | 'notifyEvery' = 'notifyOldest') =>
  (): void => {
    for (const waiter of after) host.until(`${waiter} entered`);
    noteWaking(name, true);
    const heard = Number(sources.condition[what](sources.i32, LOCK, sources.memory));
    host.note(`${name} heard`, heard);
    host.note(`${name} done`, 1);
    noteWaking(name, false);
  };

const countOf = ({ get }: View, what: string, names: readonly Thread[]): number =>
  names.reduce((sum, name) => sum + get(`${name} ${what}`), 0);

/** K1, K2: a notification is heard where somebody waits, and no more are notified than were given. */
const notTooMany =
  (given: readonly Thread[], mustBeHeard: boolean) =>
  (view: View): string | undefined => {
    const unheard = given.find((name) => view.get(`${name} done`) === 1 && view.get(`${name} heard`) === 0);
    if (mustBeHeard && unheard !== undefined) return `K1: ${unheard} was not heard`;
    const [notified, heard] = [countOf(view, 'notified', THREADS), countOf(view, 'heard', given)];
    const isOver = given.every((name) => view.get(`${name} done`) === 1);
    return isOver && notified > heard ? `K2: ${heard} were given, ${notified} taken` : undefined;
  };

/** K2, K4: at the end all that were given were taken, and nobody sleeps with one. */
const allTaken =
  ({ condition }: Sources, given: readonly Thread[]) =>
  (view: View): string | undefined => {
    const [notified, heard] = [countOf(view, 'notified', THREADS), countOf(view, 'heard', given)];
    if (notified < heard) return `K2: ${heard} were given, ${notified} taken`;
    for (let entry = 0; entry < 3; entry++)
      if ((view.get(condition.entryAt(LOCK, entry)) & condition.NOTIFIED) !== 0)
        return 'K4: one sleeps with its notification';
    return undefined;
  };

interface Scene {
  readonly programs: (sources: Sources) => Readonly<Record<string, () => void>>;
  readonly notifiers: readonly Thread[];
  /** Somebody waits whenever one of them notifies. */
  readonly mustBeHeard?: boolean;
  readonly model?: Partial<LockModel>;
}

async function run(
  { programs, notifiers, model, mustBeHeard = false }: Scene,
  changes: readonly Change[] = [],
): Promise<string> {
  const sources = await load(changes);
  const whole = {
    always: notTooMany(notifiers, mustBeHeard),
    atEnd: allTaken(sources, notifiers),
    ...model,
    threads: programs(sources),
  };
  return headline(exploreLock(sources, 'condition', whole));
}

const twoAndTwo: Scene = {
  programs: (s) => ({
    a: waits(s, 'a'),
    b: waits(s, 'b'),
    c: () => {
      notifies(s, 'c', ['a', 'b'])();
      host.settle('first');
      notifies(s, 'd', [])();
    },
  }),
  notifiers: ['c', 'd'],
  mustBeHeard: true,
};
const twoNotifiers: Scene = {
  programs: (s) => ({ a: waits(s, 'a'), c: notifies(s, 'c', ['a']), d: notifies(s, 'd', ['a']) }),
  notifiers: ['c', 'd'],
};
const all: Scene = {
  programs: (s) => ({ a: waits(s, 'a'), b: waits(s, 'b'), c: notifies(s, 'c', ['a', 'b'], 'notifyEvery') }),
  notifiers: ['c'],
};
const givesUp: Scene = {
  programs: (s) => ({ a: waits(s, 'a', 1), c: notifies(s, 'c', ['a']) }),
  notifiers: ['c'],
  model: { timeouts: 'any time' },
};
const asyncWaiter: Scene = {
  programs: (s) => ({ a: waitsAsync(s, 'a'), c: notifies(s, 'c', ['a']) }),
  notifiers: ['c'],
  model: { hasAsync: true },
};
const mortalWaiter: Scene = {
  programs: (s) => ({
    a: waits(s, 'a'),
    b: waits(s, 'b'),
    c: notifies(s, 'c', ['b']),
    undertaker: undertaker(s, 'a'),
  }),
  notifiers: ['c'],
  /* Whoever is not notified. */
  model: { mayDie: ['a'], mayWait: ['a', 'b', 'undertaker'] },
};
const mortalNotifier: Scene = {
  programs: (s) => ({ a: waits(s, 'a'), c: notifies(s, 'c', ['a']), undertaker: undertaker(s, 'c') }),
  notifiers: ['c'],
  model: { mayDie: ['c'], mayWait: ['a'] },
};

describe('a condition, in every interleaving', () => {
  test.each<[what: string, scene: Scene]>([
    ['two wait, two notifications', twoAndTwo],
    ['one waits, two notify at once', twoNotifiers],
    ['two wait, all are notified', all],
    ['a waiter that gives up at any time', givesUp],
    ['a waiter that waits asynchronously', asyncWaiter],
    ['a waiter that may die at any step', mortalWaiter],
    ['a notifier that may die at any step', mortalNotifier],
  ])('K1-K4: %s', async (_, scene) => {
    expect(await run(scene)).toBe('nothing');
  });

  test('K1, K2: the same where stores become visible late', async () => {
    expect(await run({ ...twoNotifiers, model: { maxPendingStores: 2 } })).toBe('nothing');
  });
});

describe('a mistake is found', () => {
  test.each<[mistake: string, found: string, scene: Scene, change: Change]>([
    [
      'a notification is given without a compare',
      'K2',
      twoNotifiers,
      change(
        'if (Atomics.compareExchange(i32, oldest, word, (word & ~FLAGS) | NOTIFIED) !== word) continue;',
        'Atomics.store(i32, oldest, (word & ~FLAGS) | NOTIFIED);',
      ),
    ],
    ['who is notified is not woken', 'waits for ever', twoAndTwo, change('  wake(i32, index);\n', '')],
    [
      'an asynchronous waiter is not woken',
      'waits for ever',
      asyncWaiter,
      change('  wake(i32, index);\n  wakeAsyncWaiters(i32, blockAt);', '  wake(i32, index);'),
    ],
    [
      'the loser of two notifiers gives up',
      'K1',
      {
        ...twoAndTwo,
        programs: (s) => ({
          a: waits(s, 'a'),
          b: waits(s, 'b'),
          c: notifies(s, 'c', ['a', 'b']),
          d: notifies(s, 'd', ['a', 'b']),
        }),
      },
      change(
        '(word & ~FLAGS) | NOTIFIED) !== word) continue;\n    heard',
        '(word & ~FLAGS) | NOTIFIED) !== word) return false;\n    heard',
      ),
    ],
    [
      'a waiter that gives up does not look whether it was notified',
      'K2',
      givesUp,
      change(
        '  return takeNotification(i32, blockAt, me, entry);\n}',
        '  Atomics.store(i32, at, 0);\n  return false;\n}',
      ),
    ],
    [
      'a waiter that gives up frees its entry without a compare',
      'K2',
      givesUp,
      change(
        'if (Atomics.compareExchange(i32, at, me | WAITING, 0) === (me | WAITING)) return false;',
        'Atomics.store(i32, at, 0);\n  if (at > 0) return false;',
      ),
    ],
    [
      'a waiter waits before its entry says so',
      'K1',
      twoAndTwo,
      change('    Atomics.store(i32, at, me | WAITING);\n', ''),
    ],
    [
      'a notification that comes while the dead thread is taken out dies with it',
      'K2',
      mortalWaiter,
      change('state = seen === state ? 0 : seen;', 'state = 0;'),
    ],
    [
      'a notification dies with its thread',
      'K2',
      mortalWaiter,
      change('if (seen === state && (state & NOTIFIED) !== 0) notifyOldest(i32, blockAt, memory);', ''),
    ],
    [
      'nobody wakes whom a dead notifier has notified',
      'K4',
      mortalNotifier,
      change('if ((Atomics.load(i32, at) & NOTIFIED) !== 0) wake(i32, at);', ''),
    ],
  ])('%s', async (_, found, scene, mistake) => {
    expect(await run(scene, [mistake])).toContain(found);
  });
});
