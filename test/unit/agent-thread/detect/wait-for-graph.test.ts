/** The wait-for graph: known deadlocks and what only looks like one, and random programs against a model that tries every schedule. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClosedSets, findClosedSets, isUncertain } from '../../../../agent/agent-thread/detect/wait-for-graph.ts';
import type { LockKind } from '../../../../agent/shared-memory/lock-block.ts';
import { Program } from './scenes.ts';
import { deadWaits } from './wait-for-model.ts';

/** Each set as `t1>b`, `t2>a`: who waits for what, in the order it is told. */
function told({ sets }: ClosedSets): string[][] {
  return sets.map(({ participants }) => participants.map(({ wait }) => `${wait.party.key}>${wait.lock.key}`));
}

const certain = (program: Program): ClosedSets => findClosedSets(program.scene(), 'certain');

describe('deadlocks', () => {
  test('two threads, each with what the other wants', () => {
    const program = new Program().hold('a', 't1').hold('b', 't2').wait('t1', 'b').wait('t2', 'a');
    const { sets, behind } = certain(program);
    expect(told({ sets, behind })).toEqual([['t1>b', 't2>a']]);
    expect(behind).toEqual([]);
    const [first, second] = sets[0]?.participants ?? [];
    expect(first?.held.map(({ key }) => key)).toEqual(['a']);
    expect(first?.blockedBy.map(({ party }) => party.key)).toEqual(['t2']);
    expect(second?.held.map(({ key }) => key)).toEqual(['b']);
  });

  test('three threads, told around the cycle', () => {
    const program = new Program().hold('a', 't1').hold('b', 't2').hold('c', 't3');
    program.wait('t2', 'c').wait('t1', 'b').wait('t3', 'a');
    expect(told(certain(program))).toEqual([['t2>c', 't3>a', 't1>b']]);
  });

  test('a thread that waits for what it holds', () => {
    expect(told(certain(new Program().hold('a', 't1').wait('t1', 'a')))).toEqual([['t1>a']]);
  });

  test('a reader that wants to write, and two of them', () => {
    const one = new Program().lock('rw', { kind: 'rwlock' }).hold('rw', 't1', { mode: 'shared' }).wait('t1', 'rw');
    expect(told(certain(one))).toEqual([['t1>rw']]);
    const two = new Program().lock('rw', { kind: 'rwlock' });
    two.hold('rw', 't1', { mode: 'shared' }).hold('rw', 't2', { mode: 'shared' }).wait('t1', 'rw').wait('t2', 'rw');
    expect(told(certain(two)).map((set) => set.toSorted())).toEqual([['t1>rw', 't2>rw']]);
  });

  test('a reader that reads again behind a writer that waits for it', () => {
    const program = new Program().lock('rw', { kind: 'rwlock' }).hold('rw', 't1', { mode: 'shared' });
    program.hold('rw', 't2').wait('t2', 'rw').wait('t1', 'rw', { mode: 'shared' });
    expect(told(certain(program))).toEqual([['t2>rw', 't1>rw']]);
  });

  test('through an activity: its thread stands still', () => {
    const program = new Program().lock('p', { kind: 'promise' }).hold('p', 't1/5').hold('a', 't1/5').hold('b', 't2');
    program.wait('t1', 'b').wait('t2', 'a');
    const { sets } = certain(program);
    expect(told({ sets, behind: [] })).toEqual([['t1>b', 't2>a']]);
    expect(sets[0]?.participants[0]?.held.map(({ key }) => key)).toEqual(['a']);
  });

  test('through a callback that awaits another: the outer one waits with it', () => {
    const program = new Program().activity('t1/2', { parent: 1 }).hold('a', 't1/1').hold('b', 't1/2');
    program.wait('t1/2', 'a');
    expect(told(certain(program))).toEqual([['t1/2>a']]);
  });

  test('activities of one thread, each in the other callback', () => {
    const program = new Program().lock('a', { kind: 'promise' }).lock('b', { kind: 'promise' });
    program.hold('a', 't1/1').hold('b', 't1/2').wait('t1/1', 'b').wait('t1/2', 'a');
    expect(told(certain(program))).toEqual([['t1/1>b', 't1/2>a']]);
  });

  test('a semaphore all of whose holders wait for one another', () => {
    const program = new Program().lock('s', { kind: 'semaphore', capacity: 2 }).hold('s', 't1').hold('s', 't2');
    program.hold('m', 't3').wait('t1', 'm').wait('t2', 'm').wait('t3', 's');
    expect(told(certain(program)).map((set) => set.toSorted())).toEqual([['t1>m', 't2>m', 't3>s']]);
  });

  test('Web Locks: a reader behind a writer behind a reader that waits for the first', () => {
    const program = new Program().lock('Ww', { kind: 'web_lock' }).hold('Ww', 't1/1', { mode: 'shared' });
    program.hold('a', 't2/1').wait('t3/1', 'Ww', { sinceNs: 1e9 });
    program.wait('t2/1', 'Ww', { sinceNs: 2e9, mode: 'shared' }).wait('t1/1', 'a', { sinceNs: 3e9 });
    expect(told(certain(program)).map((set) => set.toSorted())).toEqual([['t1/1>a', 't2/1>Ww', 't3/1>Ww']]);
  });

  test('who waits for a deadlock without being part of it is behind', () => {
    const program = new Program().hold('a', 't1').hold('b', 't2').hold('c', 't3').wait('t1', 'b').wait('t2', 'a');
    program.wait('t3', 'a').wait('t4', 'c');
    const { sets, behind } = certain(program);
    expect(told({ sets, behind })).toEqual([['t1>b', 't2>a']]);
    expect(behind.map(({ party }) => party.key)).toEqual(['t3', 't4']);
  });

  test('two that have nothing to do with each other are two', () => {
    const program = new Program().hold('a', 't1').hold('b', 't2').wait('t1', 'b').wait('t2', 'a');
    program.hold('c', 't3').wait('t3', 'c');
    expect(told(certain(program))).toHaveLength(2);
  });
});

describe('no deadlocks', () => {
  test.each<[name: string, program: Program]>([
    ['a chain', new Program().hold('a', 't1').hold('b', 't2').wait('t2', 'a').wait('t3', 'b')],
    ['a lock that was just given back', new Program().hold('a', 't1').wait('t1', 'b').wait('t2', 'a')],
    [
      'one that will time out',
      new Program().hold('a', 't1').hold('b', 't2').wait('t1', 'b').wait('t2', 'a', { isTimed: true }),
    ],
    ['siblings of Promise.all', siblings()],
    ['an activity whose thread goes on', new Program().hold('p', 't1/1').wait('t1/2', 'p')],
    [
      'a permit that is free',
      new Program().lock('s', { kind: 'semaphore', capacity: 2 }).hold('s', 't1').wait('t1', 's'),
    ],
    ['a permit whose holder goes on', semaphore()],
    [
      'a condition',
      new Program().lock('c', { kind: 'condition', capacity: 0 }).hold('m', 't1').wait('t1', 'c').wait('t2', 'm'),
    ],
    ['a writer that has the word and waits for readers who go on', writer()],
    [
      'readers beside a reader',
      new Program()
        .lock('rw', { kind: 'rwlock' })
        .hold('rw', 't1', { mode: 'shared' })
        .wait('t1', 'rw', { mode: 'shared' }),
    ],
  ])('%s', (_, program) => {
    expect(certain(program)).toEqual({ sets: [], behind: [] });
  });

  function siblings(): Program {
    const program = new Program().activity('t1/2', { parent: 1 }).activity('t1/3', { parent: 1 });
    return program.hold('a', 't1/2').hold('b', 't1/3').wait('t1/1', 'a').wait('t1/3', 'a');
  }

  function semaphore(): Program {
    const program = new Program().lock('s', { kind: 'semaphore', capacity: 2 }).hold('s', 't1').hold('s', 't2');
    return program.hold('m', 't3').wait('t1', 'm').wait('t3', 's');
  }

  function writer(): Program {
    const program = new Program().lock('rw', { kind: 'rwlock' }).hold('rw', 't1', { mode: 'shared' }).hold('rw', 't2');
    return program.wait('t2', 'rw').wait('t3', 'rw', { mode: 'shared' });
  }
});

describe('a writer’s claim by an activity', () => {
  test('is its wait’s, not its thread’s', () => {
    const program = new Program().lock('rw', { kind: 'rwlock' }).hold('rw', 't1', { mode: 'shared' }).hold('rw', 't2');
    program.hold('m', 't3').wait('t2/1', 'rw').wait('t3', 'rw', { mode: 'shared' }).wait('t1', 'm');
    expect(told(certain(program)).map((set) => set.toSorted())).toEqual([['t1>m', 't2/1>rw', 't3>rw']]);
  });
});

describe('a writer’s claim that is known to be an activity’s', () => {
  const claimed = (): Program => {
    const program = new Program().lock('rw', { kind: 'rwlock' }).hold('rw', 't1', { mode: 'shared' });
    return program.hold('rw', 't2/1', { isPending: true }).wait('t2/1', 'rw').wait('t3', 'rw', { mode: 'shared' });
  };

  test('does not wait for itself', () => {
    expect(certain(claimed())).toEqual({ sets: [], behind: [] });
  });

  test('keeps readers out as long as the reader it waits for is stuck', () => {
    const program = claimed().hold('m', 't3').wait('t1', 'm');
    expect(told(certain(program)).map((set) => set.toSorted())).toEqual([['t1>m', 't2/1>rw', 't3>rw']]);
  });

  test('is not assumed of a writer that has all: another of its thread waits in vain', () => {
    const program = new Program().lock('rw', { kind: 'rwlock' }).hold('rw', 't2', { isPending: false });
    program.wait('t2/1', 'rw').hold('m', 't3').wait('t3', 'rw', { mode: 'shared' }).wait('t2', 'm');
    expect(told(certain(program)).map((set) => set.toSorted())).toEqual([['t2>m', 't3>rw']]);
  });
});

describe('what is not certain', () => {
  const crossed = (): Program => {
    const program = new Program().activity('t1/1', { isCertain: false }).activity('t1/2', { isCertain: false });
    program.lock('a', { kind: 'promise' }).lock('b', { kind: 'promise' });
    return program.hold('a', 't1/1').hold('b', 't1/2').wait('t1/1', 'b').wait('t1/2', 'a');
  };

  test('is suspected at most', () => {
    const scene = crossed().scene();
    expect(isUncertain(scene)).toBe(true);
    expect(findClosedSets(scene, 'certain').sets).toEqual([]);
    expect(told(findClosedSets(scene, 'suspected'))).toEqual([['t1/1>b', 't1/2>a']]);
  });

  test('but a thread that stands still gives nothing back that is held on it', () => {
    const program = new Program().activity('t1/1', { isCertain: false }).hold('a', 't1/1').hold('b', 't2');
    program.wait('t1', 'b').wait('t2', 'a');
    expect(told(certain(program))).toEqual([['t1>b', 't2>a']]);
  });
});

/** A program from a list of numbers: whatever they are, what comes out could be read from a program. */
function programOf(numbers: readonly number[], areCertain: boolean): Program {
  let at = 0;
  const below = (limit: number): number => (numbers[at++] ?? 0) % limit;
  const program = new Program();
  const parties = ['t1', 't2', 't3'];
  for (const key of ['t1/1', 't1/2', 't2/1', 't2/2', 't3/1', 't3/2'].slice(0, below(7))) {
    program.activity(key, { parent: key.endsWith('2') ? below(2) : 0, isCertain: areCertain || below(2) === 0 });
    parties.push(key);
  }
  const kinds: LockKind[] = ['mutex', 'rwlock', 'semaphore', 'promise', 'web_lock'];
  const locks = ['a', 'b', 'c'].map((name) => ({ name, kind: kinds[below(kinds.length)] as LockKind, capacity: 1 }));
  const some = (): string => parties[below(parties.length)] as string;
  for (const lock of locks) {
    const { name, kind } = lock;
    if (kind === 'semaphore' || kind === 'promise') lock.capacity = 1 + below(3);
    program.lock(name, { kind, capacity: lock.capacity });
    const isShared = kind === 'rwlock' || kind === 'web_lock' ? below(2) === 1 : false;
    const holds = isShared ? below(3) : below(lock.capacity + 1);
    for (let i = 0; i < holds; i++) program.hold(name, some(), { mode: isShared ? 'shared' : 'exclusive' });
    /* A writer has claimed the word and waits for the readers. */
    if (kind !== 'rwlock' || !isShared || below(2) === 0) continue;
    const writer = parties[below(3)] as string;
    if (program.waits.some(({ party }) => party.key === writer)) continue;
    program.hold(name, writer).wait(writer, name, { sinceNs: 1e7 * at });
  }
  for (let waits = below(6); waits > 0; waits--) {
    const party = some();
    const { name, kind } = locks[below(locks.length)] as (typeof locks)[number];
    const canShare = kind === 'rwlock' || kind === 'web_lock';
    const mode = canShare && below(2) === 1 ? 'shared' : 'exclusive';
    const isBlocked = program.waits.some((wait) => wait.isBlocking && wait.party.key === party);
    /* A writer's claim of an activity is not told from its thread's hold: that is tested by itself. */
    const isUnclear = kind === 'rwlock' && mode === 'exclusive';
    if (isBlocked || isUnclear) continue;
    program.wait(party, name, { mode, sinceNs: 1e7 * at, number: at });
  }
  return program;
}

const numbers = fc.array(fc.nat(1000), { minLength: 12, maxLength: 60 });

describe('random programs', () => {
  test('what is found is exactly what no schedule ends', () => {
    let dead = 0;
    fc.assert(
      fc.property(numbers, (list) => {
        const scene = programOf(list, true).scene();
        const { sets, behind } = findClosedSets(scene, 'certain');
        const found = new Set([...behind, ...sets.flatMap(({ participants }) => participants.map(({ wait }) => wait))]);
        const expected = deadWaits(scene);
        if (expected.size > 0) dead++;
        expect(found).toEqual(expected);
      }),
      { numRuns: 4000 },
    );
    /* Else the property would hold of programs that never deadlock. */
    expect(dead).toBeGreaterThan(400);
  });

  test('what is certain is suspected, too', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const scene = programOf(list, false).scene();
        const waitsOf = ({ sets, behind }: ClosedSets) => {
          return new Set([...behind, ...sets.flatMap(({ participants }) => participants.map(({ wait }) => wait))]);
        };
        const suspected = waitsOf(findClosedSets(scene, 'suspected'));
        expect([...waitsOf(findClosedSets(scene, 'certain'))].filter((wait) => !suspected.has(wait))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  test('what a participant holds is wanted by another, and each is blocked by somebody', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        for (const { participants } of findClosedSets(programOf(list, true).scene(), 'certain').sets) {
          const wanted = participants.flatMap(({ blockedBy, wait }) => (blockedBy.length > 0 ? [wait.lock.key] : []));
          for (const { held } of participants) for (const { key } of held) expect(wanted).toContain(key);
          /* Who waits for a Web Lock may be blocked by nothing but its place in the queue. */
          const others = participants.filter(({ wait }) => wait.lock.kind !== 'web_lock');
          for (const { blockedBy } of others) expect(blockedBy).not.toEqual([]);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('cost', () => {
  test('1 000 locks and 64 threads, all of them waiting: 5 ms at most', () => {
    const program = new Program();
    for (let lock = 0; lock < 1000; lock++) program.hold(`l${lock}`, `t${lock % 64}`);
    for (let thread = 0; thread < 64; thread++) program.wait(`t${thread}`, `l${thread + 1}`);
    const scene = program.scene();
    const tookMs = Array.from({ length: 20 }, () => {
      const beganMs = performance.now();
      expect(findClosedSets(scene, 'certain').sets[0]?.participants).toHaveLength(64);
      return performance.now() - beganMs;
    });
    expect(Math.min(...tookMs)).toBeLessThan(5);
  });
});
