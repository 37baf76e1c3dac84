/**
 * The condition's words under every interleaving of waiters and notifiers, with time-outs, asynchronous waiters and a death before every step. What runs is
 * `condition-words.ts` itself; each broken variant shows a part of it that is needed.
 */
import { host, type View } from '../../../support/explore.ts';
import { LOCK, noteWaking, type Sources, THREADS, type Thread, undertaker, untilDone, wordOf } from './lock-model.ts';
import { type Scene, testLock } from './lock-suite.ts';

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

interface ConditionScene extends Scene {
  readonly notifiers: readonly Thread[];
  /** Somebody waits whenever one of them notifies. */
  readonly mustBeHeard?: boolean;
}

const twoAndTwo: ConditionScene = {
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
const twoNotifiers: ConditionScene = {
  programs: (s) => ({ a: waits(s, 'a'), c: notifies(s, 'c', ['a']), d: notifies(s, 'd', ['a']) }),
  notifiers: ['c', 'd'],
};
const all: ConditionScene = {
  programs: (s) => ({ a: waits(s, 'a'), b: waits(s, 'b'), c: notifies(s, 'c', ['a', 'b'], 'notifyEvery') }),
  notifiers: ['c'],
};
const givesUp: ConditionScene = {
  programs: (s) => ({ a: waits(s, 'a', 1), c: notifies(s, 'c', ['a']) }),
  notifiers: ['c'],
  model: { timeouts: 'any time' },
};
const asyncWaiter: ConditionScene = {
  programs: (s) => ({ a: waitsAsync(s, 'a'), c: notifies(s, 'c', ['a']) }),
  notifiers: ['c'],
  model: { hasAsync: true },
};
const mortalWaiter: ConditionScene = {
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
const mortalNotifier: ConditionScene = {
  programs: (s) => ({ a: waits(s, 'a'), c: notifies(s, 'c', ['a']), undertaker: undertaker(s, 'c') }),
  notifiers: ['c'],
  model: { mayDie: ['c'], mayWait: ['a'] },
};

testLock<ConditionScene>({
  kind: 'condition',
  file: 'shared-memory/condition-words.ts',
  rules: (sources, { notifiers, mustBeHeard = false }) => ({
    always: notTooMany(notifiers, mustBeHeard),
    atEnd: allTaken(sources, notifiers),
  }),
  scenes: [
    ['K1-K4', 'two wait, two notifications', twoAndTwo],
    ['K1-K4', 'one waits, two notify at once', twoNotifiers],
    ['K1-K4', 'two wait, all are notified', all],
    ['K1-K4', 'a waiter that gives up at any time', givesUp],
    ['K1-K4', 'a waiter that waits asynchronously', asyncWaiter],
    ['K1-K4', 'a waiter that may die at any step', mortalWaiter],
    ['K1-K4', 'a notifier that may die at any step', mortalNotifier],
    ['K1, K2', 'the same where stores become visible late', { ...twoNotifiers, model: { maxPendingStores: 2 } }],
  ],
  mistakes: [
    [
      'a notification is given without a compare',
      'K2',
      twoNotifiers,
      'if (Atomics.compareExchange(i32, oldest, word, (word & ~FLAGS) | NOTIFIED) !== word) continue;',
      'Atomics.store(i32, oldest, (word & ~FLAGS) | NOTIFIED);',
    ],
    ['who is notified is not woken', 'waits for ever', twoAndTwo, '  wake(i32, index);\n', ''],
    [
      'an asynchronous waiter is not woken',
      'waits for ever',
      asyncWaiter,
      '  wake(i32, index);\n  wakeAsyncWaiters(i32, blockAt);',
      '  wake(i32, index);',
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
      '(word & ~FLAGS) | NOTIFIED) !== word) continue;\n    heard',
      '(word & ~FLAGS) | NOTIFIED) !== word) return false;\n    heard',
    ],
    [
      'a waiter that gives up does not look whether it was notified',
      'K2',
      givesUp,
      '  return takeNotification(i32, blockAt, me, entry);\n}',
      '  Atomics.store(i32, at, 0);\n  return false;\n}',
    ],
    [
      'a waiter that gives up frees its entry without a compare',
      'K2',
      givesUp,
      'if (Atomics.compareExchange(i32, at, me | WAITING, 0) === (me | WAITING)) return false;',
      'Atomics.store(i32, at, 0);\n  if (at > 0) return false;',
    ],
    ['a waiter waits before its entry says so', 'K1', twoAndTwo, '    Atomics.store(i32, at, me | WAITING);\n', ''],
    [
      'a notification that comes while the dead thread is taken out dies with it',
      'K2',
      mortalWaiter,
      'state = seen === state ? 0 : seen;',
      'state = 0;',
    ],
    [
      'a notification dies with its thread',
      'K2',
      mortalWaiter,
      'if (seen === state && (state & NOTIFIED) !== 0) notifyOldest(i32, blockAt, memory);',
      '',
    ],
    [
      'nobody wakes whom a dead notifier has notified',
      'K4',
      mortalNotifier,
      'if ((Atomics.load(i32, at) & NOTIFIED) !== 0) wake(i32, at);',
      '',
    ],
  ],
});
