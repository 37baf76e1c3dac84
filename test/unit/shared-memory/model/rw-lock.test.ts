/**
 * The RwLock's words under every interleaving of readers and writers, with time-outs, asynchronous waiters and a death before every step. What runs is
 * `rw-lock-words.ts` itself; each broken variant shows a part of it that is needed.
 */

import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { host, type View } from '../../../support/explore.ts';
import {
  LOCK,
  newPlace,
  noteWaking,
  park,
  type Sources,
  THREADS,
  type Thread,
  undertaker,
  untilDone,
  wordOf,
} from './lock-model.ts';
import { type Scene, testLock } from './lock-suite.ts';

/** In the section, for one step; what it was told when it came in. */
function section(name: Thread, mode: 'reads' | 'writes', wasTold: boolean, key = ''): void {
  noteWaking(name, false);
  host.note(`${name} told`, wasTold ? 1 : 0);
  if (mode === 'writes' && wasTold) host.note('healed', 1);
  host.note(`${name} ${mode}`, 1);
  host.settle(`in ${key}`);
  host.peek('section');
  host.note(`${name} ${mode}`, 0);
}

/** Reads once, blocking; `within` runs while it reads. */
const reads =
  (sources: Sources, name: Thread, key = '', within: () => void = () => {}) =>
  (): void => {
    const { rwLock, i32 } = sources;
    const place = newPlace();
    for (;;) {
      const entry = rwLock.tryRead(i32, LOCK, wordOf(sources, name), true, place);
      if (entry !== rwLock.Entry.OUT) {
        section(name, 'reads', entry === rwLock.Entry.IN_ABANDONED, key);
        within();
        noteWaking(name, true);
        rwLock.leaveRead(i32, LOCK, wordOf(sources, name));
        noteWaking(name, false);
        return;
      }
      park(sources, name, place, key);
    }
  };

/** Writes once, blocking; gives up when a wait times out, if it has a time-out. */
const writes =
  (sources: Sources, name: Thread, key = '', timeoutMs?: number) =>
  (): void => {
    const { rwLock, i32, memory } = sources;
    const place = newPlace();
    for (;;) {
      const entry = rwLock.tryWrite(i32, LOCK, memory, wordOf(sources, name), place);
      if (entry !== rwLock.Entry.OUT) {
        section(name, 'writes', entry === rwLock.Entry.IN_ABANDONED, key);
        noteWaking(name, true);
        rwLock.leaveWrite(i32, LOCK, wordOf(sources, name));
        noteWaking(name, false);
        return;
      }
      if (park(sources, name, place, key, timeoutMs)) return rwLock.withdrawWriter(i32, LOCK, wordOf(sources, name));
    }
  };

const readsAsync = (sources: Sources, name: Thread) => (): void => {
  const { rwLock, i32 } = sources;
  untilDone(sources, () => rwLock.tryRead(i32, LOCK, wordOf(sources, name), false, newPlace()) !== rwLock.Entry.OUT);
  section(name, 'reads', false);
  rwLock.leaveRead(i32, LOCK, wordOf(sources, name));
};

const writesAsync = (sources: Sources, name: Thread) => (): void => {
  const { rwLock, i32, memory } = sources;
  const me = wordOf(sources, name);
  untilDone(sources, () => rwLock.tryWrite(i32, LOCK, memory, me, newPlace()) !== rwLock.Entry.OUT);
  section(name, 'writes', false);
  rwLock.leaveWrite(i32, LOCK, me);
};

/** Y1 of every state; who comes in after a writer that died writing is told, until another has written. */
function invariants({ get, status }: View): string | undefined {
  const isIn = (name: Thread, mode: string): boolean => get(`${name} ${mode}`) === 1 && status(name) === 'running';
  const readers = THREADS.filter((name) => isIn(name, 'reads'));
  const writers = THREADS.filter((name) => isIn(name, 'writes'));
  if (writers.length > 1) return `Y1: ${writers.join(' and ')} write at once`;
  if (writers.length === 1 && readers.length > 0) return `Y1: ${readers.join()} read while ${writers.join()} writes`;
  const dead = THREADS.find((name) => get(`${name} writes`) === 1 && status(name) === 'dead');
  const untold = [...readers, ...writers].find((name) => get(`${name} told`) === 0);
  return dead !== undefined && untold !== undefined && get('healed') === 0 ? `Y4: ${untold} was not told` : undefined;
}

/** What is left when all are gone: a free lock. */
const isFree =
  ({ rwLock, word }: Sources) =>
  ({ get }: View): string | undefined => {
    if (word.threadOf(get(LOCK + BLOCK.WORD)) >= 0) return 'the lock word has a holder';
    const reader = THREADS.find((_, thread) => get(rwLock.readerAt(LOCK, thread)) !== 0);
    return reader === undefined ? undefined : `${reader} reads for ever`;
  };

const twoWritersOneReader: Scene = { programs: (s) => ({ a: writes(s, 'a'), b: writes(s, 'b'), c: reads(s, 'c') }) };
const oneWriterTwoReaders: Scene = { programs: (s) => ({ a: writes(s, 'a'), b: reads(s, 'b'), c: reads(s, 'c') }) };
const givesUp: Scene = {
  programs: (s) => ({ a: writes(s, 'a', '', 1), b: reads(s, 'b') }),
  model: { timeouts: 'any time' },
};
const givesUpBesideAnother: Scene = {
  programs: (s) => ({ a: writes(s, 'a', '', 1), b: writes(s, 'b') }),
  model: { timeouts: 'any time' },
};
const mortalWriter: Scene = {
  programs: (s) => ({
    a: writes(s, 'a'),
    b: () => {
      writes(s, 'b', 'first')();
      host.settle('between');
      writes(s, 'b', 'second')();
    },
    undertaker: undertaker(s, 'a'),
  }),
  model: { mayDie: ['a'] },
};
const mortalWriterAndReader: Scene = {
  programs: (s) => ({
    a: writes(s, 'a'),
    b: reads(s, 'b'),
    undertaker: undertaker(s, 'a'),
  }),
  model: { mayDie: ['a'] },
};
const mortalReader: Scene = {
  programs: (s) => ({
    a: reads(s, 'a'),
    b: writes(s, 'b'),
    undertaker: undertaker(s, 'a'),
  }),
  model: { mayDie: ['a'] },
};
/* A thread that reads and reads again while a writer waits would wait for itself. */
const nested: Scene = { programs: (s) => ({ a: writes(s, 'a'), b: reads(s, 'b', 'outer', reads(s, 'b', 'inner')) }) };
const asyncWriter: Scene = {
  programs: (s) => ({ a: writesAsync(s, 'a'), b: reads(s, 'b') }),
  model: { hasAsync: true },
};
const asyncReader: Scene = {
  programs: (s) => ({ a: readsAsync(s, 'a'), b: writes(s, 'b') }),
  model: { hasAsync: true },
};
const asyncBoth: Scene = {
  programs: (s) => ({ a: readsAsync(s, 'a'), b: writesAsync(s, 'b') }),
  model: { hasAsync: true },
};

const oneEachLate: Scene = {
  programs: (s) => ({ a: writes(s, 'a'), b: reads(s, 'b') }),
  model: { maxPendingStores: 2 },
};

testLock<Scene>({
  kind: 'rwlock',
  file: 'shared-memory/rw-lock-words.ts',
  rules: (sources) => ({ always: invariants, atEnd: isFree(sources) }),
  scenes: [
    ['Y1-Y4', 'two writers and a reader', twoWritersOneReader],
    ['Y1-Y4', 'a writer and two readers', oneWriterTwoReaders],
    ['Y1-Y4', 'a writer that gives up at any time, and a reader', givesUp],
    ['Y1-Y4', 'a writer that gives up at any time, and another', givesUpBesideAnother],
    ['Y1-Y4', 'a reader that reads again while it reads', nested],
    ['Y1-Y4', 'a writer that waits asynchronously', asyncWriter],
    ['Y1-Y4', 'a reader that waits asynchronously', asyncReader],
    ['Y1-Y4', 'both wait asynchronously', asyncBoth],
    ['Y1-Y4', 'a writer that may die at any step, and another', mortalWriter],
    ['Y1-Y4', 'a writer that may die at any step, and a reader', mortalWriterAndReader],
    ['Y1-Y4', 'a reader that may die at any step', mortalReader],
    ['Y1', 'the same where stores become visible late', oneEachLate],
  ],
  mistakes: [
    [
      'a reader does not look again after its store',
      'Y1',
      oneWriterTwoReaders,
      'if (!isKeptOut(i32, blockAt, word, me, isBlocking, 0)) return entryOf(word);',
      'return entryOf(word);',
    ],
    [
      'the writer does not look at the readers',
      'Y1',
      oneWriterTwoReaders,
      'if (findReader(i32, blockAt, memory, place)) return Entry.OUT;',
      '',
    ],
    [
      'a reader that was turned away stays',
      'Y1',
      oneWriterTwoReaders,
      '    leaveRead(i32, blockAt, me);\n  }\n}',
      '  }\n}',
    ],
    [
      'the last reader wakes no writer',
      'waits for ever',
      oneWriterTwoReaders,
      'if (reads === 1 && threadOf(Atomics.load(i32, (blockAt + BLOCK.WORD) >> 2)) >= 0) wakeWriter(i32, blockAt, at);',
      '',
    ],
    [
      'a writer that leaves wakes nobody',
      'waits for ever',
      twoWritersOneReader,
      'if ((word & WAITERS) !== 0) wakeKeptOut(i32, blockAt);\n  return true;',
      'return true;',
    ],
    [
      'a writer that leaves wakes one',
      'waits for ever',
      twoWritersOneReader,
      'wake(i32, (blockAt + BLOCK.WORD) >> 2);\n  wakeAsync',
      'wake(i32, (blockAt + BLOCK.WORD) >> 2, 1);\n  wakeAsync',
    ],
    [
      'who is kept out does not say that it waits',
      'waits for ever',
      twoWritersOneReader,
      'return (word & WAITERS) !== 0 || Atomics.compareExchange(i32, place.index, word, place.value) === word;',
      'place.value = word; return true;',
    ],
    [
      'a writer that gives up keeps the lock word',
      'has a holder',
      givesUp,
      'if (!isWriting(i32, blockAt, me)) leaveWrite(i32, blockAt, me);',
      '',
    ],
    [
      'a thread that reads is kept out as any other',
      'waits for ever',
      nested,
      'const mayPass = isBlocking && (reads > 0 ||',
      'const mayPass = isBlocking && (',
    ],
    [
      'WRITING is cleared after the lock word',
      'Y4',
      mortalWriter,
      '  for (;;) {\n    const seen = Atomics.compareExchange(i32, at, word, word & DIED);\n    if (seen === word) break;\n    word = seen;\n  }\n',
      '  for (;;) {\n    const seen = Atomics.compareExchange(i32, at, word, word & DIED);\n    if (seen === word) break;\n    word = seen;\n  }\n  Atomics.store(i32, (blockAt + RW_LOCK.WRITING) >> 2, 0);\n',
    ],
    ['a dead writer is not told of', 'Y4', mortalWriter, 'hasWritten ? DIED : word & DIED', 'word & DIED'],
    [
      'a dead writer is taken out in silence',
      'waits for ever',
      mortalWriter,
      '      wakeKeptOut(i32, blockAt);\n      break;',
      '      break;',
    ],
    [
      'a dead reader stays',
      'waits for ever',
      mortalReader,
      'if (sweepReader(i32, blockAt, thread, reader)) abandoned++;',
      '',
    ],
    [
      'nobody wakes the writer when a reader died between leaving and waking',
      'waits for ever',
      mortalReader,
      '  wake(i32, readerAt(blockAt, thread) >> 2);\n',
      '',
    ],
    [
      'an asynchronous waiter is not woken',
      'waits for ever',
      asyncBoth,
      '  wakeAsyncWaiters(i32, blockAt);\n}\n\n/** Wakes everybody',
      '}\n\n/** Wakes everybody',
    ],
  ],
});
