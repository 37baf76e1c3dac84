/** The lock-order graph: what may become a deadlock and what cannot, known cases and random orders against a plain model. */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type LockOrder, LockOrders } from '../../../../agent/agent-thread/detect/lock-order.ts';
import type { LockMode } from '../../../../agent/shared-memory/async-locks.ts';
import type { LockOrderRecord, LockRef } from '../../../../agent/shared-memory/lock-records.ts';
import { FakeNaming, traceOf } from './recorded-voices.ts';
import { threadNamed } from './scenes.ts';

let naming: FakeNaming;
let told: string[][];
let circles: (readonly LockOrder[])[];
let orders: LockOrders;

beforeEach(() => {
  naming = new FakeNaming();
  told = [];
  circles = [];
  orders = new LockOrders(naming, (circle) => {
    circles.push(circle);
    told.push(circle.map(({ outer, inner }) => `${outer.key}>${inner.key}`));
  });
});

interface Options {
  readonly gates?: readonly number[];
  readonly modes?: readonly [outer: LockMode, inner: LockMode];
  readonly stackNumber?: number;
  readonly isAsync?: boolean;
}

/** A thread takes lock `inner` while it holds lock `outer`; lock 3 is `L3` of class `c3`. */
function take(thread: string, outer: number, inner: number, options: Options = {}): void {
  orders.add(recordOf(outer, inner, options), threadNamed(thread));
}

function recordOf(outer: number, inner: number, options: Options): LockOrderRecord {
  const { gates = [], modes, stackNumber = 0, isAsync = inner < 0 } = options;
  const [outerMode = 'exclusive', innerMode = 'exclusive'] = modes ?? [];
  const refOf = (lockId: number, mode: LockMode): LockRef => ({
    lockId,
    classNumber: 0,
    kind: lockId < 0 ? 'promise' : 'mutex',
    mode,
  });
  return {
    outer: refOf(outer, outerMode),
    inner: refOf(inner, innerMode),
    gates,
    stackNumber,
    atNs: 5,
    context: traceOf(outer % 10),
    isAsync,
  };
}

/** Several locks of one class. */
function ofClass(className: string, ...ids: number[]): void {
  for (const id of ids) naming.locks.set(id, { key: `L${id}`, lockId: id, kind: 'mutex', className, instance: '' });
}

describe('an inversion', () => {
  test('of one thread is one where its activities wait, and none where it blocks', () => {
    for (const isAsync of [false, true]) {
      take('t1', 1, 2, { isAsync });
      take('t1', 2, 1, { isAsync });
      expect(told).toHaveLength(isAsync ? 1 : 0);
    }
    take('t1', 3, 4, { isAsync: true, gates: [5] });
    take('t1', 4, 3, { isAsync: true, gates: [5] });
    expect(told).toHaveLength(1);
  });

  test('is told once, with both orders, their stacks and traces', () => {
    take('t1', 1, 2, { stackNumber: 71 });
    take('t2', 2, 1, { stackNumber: 72 });
    take('t1', 2, 1);
    take('t2', 1, 2);
    expect(told).toEqual([['L2>L1', 'L1>L2']]);
    expect(circles[0]?.map(({ thread, stack, context }) => [thread.name, stack, context?.traceId[0]])).toEqual([
      ['t2', 'text 72', '2'],
      ['t1', 'text 71', '1'],
    ]);
  });

  test('is one of classes: the locks need not be the same', () => {
    ofClass('account', 1, 3);
    ofClass('ledger', 2, 4);
    take('t1', 1, 2);
    take('t2', 4, 3);
    expect(told).toEqual([['L4>L3', 'L1>L2']]);
  });

  test('is told of a circle of three and of six, not of seven', () => {
    for (const length of [3, 6, 7]) {
      told.length = 0;
      const first = length * 10;
      for (let i = 0; i < length; i++) take(`t${i}`, first + i, first + ((i + 1) % length));
      expect(told.map((circle) => circle.length)).toEqual(length === 7 ? [] : [length]);
    }
  });

  test('is told when an order is seen without the gate that has made it safe', () => {
    take('t1', 1, 2, { gates: [9] });
    take('t2', 2, 1, { gates: [9] });
    expect(told).toEqual([]);
    take('t1', 1, 2);
    expect(told).toEqual([['L1>L2', 'L2>L1']]);
  });

  test('is told when a second thread goes both ways', () => {
    take('t1', 1, 2);
    take('t1', 2, 1);
    expect(told).toEqual([]);
    take('t2', 1, 2);
    expect(told).toHaveLength(1);
  });

  test('of two locks of one class: once, when these two are taken in both orders', () => {
    ofClass('node', 1, 2, 3);
    take('t1', 1, 2);
    take('t2', 2, 3);
    take('t1', 1, 3);
    expect(told).toEqual([]);
    for (const [thread, node] of Object.entries({ t2: 2, t1: 3 })) take(thread, node, node - 1);
    expect(told).toEqual([['L2>L1', 'L1>L2']]);
  });

  test('of the forks of philosophers, who are of one class', () => {
    ofClass('fork', 1, 2, 3);
    take('t1', 1, 2);
    take('t2', 2, 3);
    take('t3', 3, 1);
    expect(told).toEqual([['L3>L1', 'L1>L2', 'L2>L3']]);
  });

  test('of locks of one thread, by activities that wait for one another', () => {
    for (const id of [-1, -2]) {
      naming.locks.set(id, { key: `t1:${id}`, lockId: id, kind: 'promise', className: `p${id}`, instance: '' });
    }
    take('t1', -1, -2);
    take('t2', -2, -1);
    expect(told).toEqual([]);
    take('t1', -2, -1);
    expect(told).toHaveLength(1);
  });
});

describe('an inversion of a promise lock and one of the process', () => {
  beforeEach(() => {
    for (const id of [-1, -2])
      naming.locks.set(id, { key: `t1:${id}`, lockId: id, kind: 'promise', className: `p${id}`, instance: '' });
  });

  test('is told of activities of one thread, whose own the promise lock is', () => {
    take('t1', -1, 2, { isAsync: true });
    take('t2', 2, -1);
    expect(told).toEqual([]);
    take('t1', 2, -1);
    expect(told).toEqual([['L2>t1:-1', 't1:-1>L2']]);
  });

  test('is none where the thread would block at what its own activity has: that is refused', () => {
    take('t1', -1, 2);
    take('t1', 2, -1);
    expect(told).toEqual([]);
  });

  test('is told of a thread that blocks, with another thread between', () => {
    take('t1', -1, 2);
    take('t1', 3, -1);
    take('t1', 2, 3);
    expect(told).toEqual([]);
    take('t2', 2, 3);
    expect(told.map((circle) => circle.length)).toEqual([3]);
  });

  test('is none under a gate of either kind', () => {
    take('t1', -1, 2, { isAsync: true, gates: [9] });
    take('t1', 2, -1, { gates: [9] });
    take('t1', -1, 3, { isAsync: true, gates: [-7] });
    take('t1', 3, -1, { gates: [-7] });
    expect(told).toEqual([]);
    take('t1', 2, -1, { gates: [-7] });
    expect(told).toHaveLength(1);
  });
});

describe('no inversion', () => {
  test('where all keep the order', () => {
    for (const thread of ['t1', 't2']) {
      take(thread, 1, 2);
      take(thread, 2, 3);
      take(thread, 1, 3);
    }
    expect(told).toEqual([]);
  });

  test('where readers meet readers, at either lock', () => {
    take('t1', 1, 2, { modes: ['exclusive', 'shared'] });
    take('t2', 2, 1, { modes: ['shared', 'exclusive'] });
    take('t1', 3, 4, { modes: ['shared', 'shared'] });
    take('t2', 4, 3, { modes: ['exclusive', 'shared'] });
    expect(told).toEqual([]);
    take('t2', 2, 1);
    expect(told).toHaveLength(1);
  });

  test('where the circle goes through a lock that one of its orders is gated by', () => {
    take('t1', 3, 1);
    take('t1', 1, 2, { gates: [3] });
    take('t1', 3, 2, { gates: [1] });
    take('t2', 2, 3);
    /* 3 and 2 are inverted; 1 has no part in it. */
    expect(told).toEqual([['L2>L3', 'L3>L2']]);
  });

  test('where more gates are held than a record has room for, and one of them may be common', () => {
    take('t1', 1, 2, { gates: [11, 12, 13, 14] });
    take('t2', 2, 1, { gates: [15] });
    expect(told).toEqual([]);
    take('t2', 2, 1);
    expect(told).toHaveLength(1);
  });

  test('where a lock is taken again', () => {
    take('t1', 1, 1);
    take('t2', 1, 1);
    expect(told).toEqual([]);
  });
});

test('what is remembered is bounded, and the search with it', () => {
  const beganMs = performance.now();
  for (let i = 0; i < 12_000; i++) take('t1', 2 * i + 1, 2 * i + 2);
  /* A dense graph without a circle: every lock before all later ones. */
  for (let i = 100_001; i < 100_100; i++) for (let j = i + 1; j < 100_100; j += 3) take('t1', i, j);
  expect(told).toEqual([]);
  expect(performance.now() - beganMs).toBeLessThan(5000);
  take('t2', 2, 1);
  expect(told).toEqual([]);
  take('t2', 100_099, 100_098);
  take('t1', 100_098, 100_099);
  expect(told).toHaveLength(1);
});

interface Taken {
  readonly thread: number;
  readonly held: readonly number[];
  readonly wanted: number;
  /** An activity of the thread waits. */
  readonly isAsync: boolean;
}

/** Two can block each other: each holds what the other wants, they hold nothing in common, and who blocks its thread is not there to hold anything else. */
function canBlock(all: readonly Taken[]): boolean {
  return all.some((one) =>
    all.some((other) => {
      const isCircle = one.held.includes(other.wanted) && other.held.includes(one.wanted);
      const isLocal = one.wanted < 0 || other.wanted < 0;
      const canBe = one.thread === other.thread ? one.isAsync && other.isAsync : !isLocal;
      return isCircle && canBe && !one.held.some((lock) => other.held.includes(lock));
    }),
  );
}

test.each([
  ['of two threads', [1, 2, 3, 4], false],
  ['of two threads and their activities', [1, 2, 3, 4], true],
  ['of promise locks and others', [-2, -1, 3, 4], true],
])('random acquisitions %s: told exactly when two can block each other', (_, locks, hasActivities) => {
  const lock = fc.constantFrom(...locks);
  const taken = fc
    .record({
      thread: fc.nat(1),
      held: fc.uniqueArray(lock, { minLength: 1, maxLength: 3 }),
      wanted: lock,
      isAsync: fc.boolean(),
    })
    .map((one): Taken => ({ ...one, isAsync: hasActivities && (one.isAsync || one.wanted < 0) }));
  const named = new FakeNaming();
  for (const id of locks.filter((number) => number < 0))
    named.locks.set(id, { key: `P${id}`, lockId: id, kind: 'promise', className: `text ${-id}`, instance: '' });
  let blocked = 0;
  fc.assert(
    fc.property(fc.array(taken, { maxLength: 6 }), (list) => {
      const all = list.filter(({ held, wanted }) => !held.includes(wanted));
      let found = 0;
      const graph = new LockOrders(named, () => found++);
      for (const { thread, held, wanted, isAsync } of all) {
        for (const outer of held) {
          const gates = held.filter((other) => other !== outer);
          graph.add(recordOf(outer, wanted, { gates, isAsync }), threadNamed(`t${thread}`));
        }
      }
      if (canBlock(all)) blocked++;
      /* Circles of more than two need more than two threads, which the graph cannot rule out. */
      if (canBlock(all)) expect(found).toBeGreaterThan(0);
      else expect(isOnlyLonger(all, found)).toBe(true);
    }),
    { numRuns: 5000 },
  );
  expect(blocked).toBeGreaterThan(200);
});

/** Without two that can block each other, what is found is a circle of three locks at least, with nothing in common between its orders. */
function isOnlyLonger(all: readonly Taken[], found: number): boolean {
  if (found === 0) return true;
  const steps = all.flatMap(({ held, wanted }) => held.map((outer) => ({ outer, wanted, held })));
  const goesOn = (path: typeof steps): boolean => {
    const [first, last] = [path[0], path.at(-1)];
    if (first === undefined || last === undefined) return false;
    if (path.length > 2 && last.wanted === first.outer) return true;
    const next = steps.filter(({ outer, held }) => {
      return outer === last.wanted && path.every((one) => !one.held.some((lock) => held.includes(lock)));
    });
    return path.length < 4 && next.some((one) => goesOn([...path, one]));
  };
  return steps.some((one) => goesOn([one]));
}
