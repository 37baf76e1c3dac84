/** What becomes of the records of locks: blame always, a span from the threshold on, and what the configuration lets out. */
import { beforeEach, describe, expect, test } from 'vitest';
import { LockDispatch, type LockListeners } from '../../../agent/agent-thread/lock-dispatch.ts';
import type { SpanRecord } from '../../../agent/agent-thread/telemetry/spans.ts';
import { SLOT } from '../../../agent/shared-memory/layout.ts';
import {
  type EncodedRecord,
  encodeLockBlame,
  encodeLockOrder,
  encodeLockWait,
  encodeRace,
  type LockWaitRecord,
} from '../../../agent/shared-memory/lock-records.ts';
import { RingReader } from '../../../agent/shared-memory/ring-reader.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';
import { collectFrom, only, type Written } from '../../support/recording-sink.ts';
import { LockWorld, NOW_NS, type WorldLock, type WorldThread } from './model/lock-world.ts';

const MS = 1e6;
const WAITER_SPAN = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 };
const HOLDER_SPAN = { traceId: '3'.repeat(32), spanId: '4'.repeat(16), traceFlags: 1 };
let world: LockWorld;
let waiter: WorldThread;
let holder: WorldThread;
let lock: WorldLock;
let spans: SpanRecord[];
let corrupt: number;
let thresholdMs: number;

function dispatch(
  encoded: EncodedRecord,
  settings: { names?: boolean; stacks?: boolean } = {},
  listeners: LockListeners = {},
): void {
  const out = new LockDispatch({
    locks: world.locks,
    emit: (span) => void spans.push(span),
    onCorrupt: () => void corrupt++,
    thresholdNs: () => thresholdMs * MS,
    areNamesFull: settings.names ?? false,
    hasAllStacks: settings.stacks ?? false,
    listeners,
  });
  new RingWriter(world.memory, waiter.claim.slot).offerEncoded(encoded);
  world.memory.i32[world.memory.slotAt(waiter.claim.slot, SLOT.RING_READ) >> 2] = 0;
  const reader = new RingReader(world.memory, waiter.claim.slot);
  reader.drain(
    (record) => out.record(waiter.claim.slot, record),
    () => NOW_NS,
  );
  /* What the reader finds to be impossible is counted as the same. */
  reader.takeDropped((_, dropped) => void (corrupt += dropped));
}

function wait(changes: Partial<LockWaitRecord> = {}): LockWaitRecord {
  return {
    lockId: lock.id,
    classNumber: 0,
    kind: 'mutex',
    mode: 'exclusive',
    outcome: 'acquired',
    startNs: 100 * MS,
    durationNs: 30 * MS,
    siteNumber: world.name('app.js:5'),
    stackNumber: world.name('work (app.js:5:9)\nmain (app.js:1:1)'),
    context: WAITER_SPAN,
    holder: {
      holderWord: holder.word,
      slot: 0,
      siteNumber: world.name('lib.js:7'),
      stackNumber: world.name('keep (lib.js:7:3)'),
      context: HOLDER_SPAN,
    },
    instanceNumber: 0,
    ...changes,
  };
}

const blamed = (): Written => only(collectFrom(world.locks), 'gridwatch.lock.caused_wait.time');
const blameOf = (thread: string, site: string): string =>
  `gridwatch.lock.name=orders,gridwatch.lock.kind=mutex,thread.name=${thread},gridwatch.lock.holder.site=${site}`;

beforeEach(() => {
  world = new LockWorld();
  waiter = world.thread('waiter', 3);
  holder = world.thread('holder', 4);
  lock = world.lock('orders');
  spans = [];
  corrupt = 0;
  thresholdMs = 20;
});

describe('a wait', () => {
  test('past the threshold is a span of the waiter, linked to that of the holder, and blame for the holder', () => {
    dispatch(encodeLockWait(wait()));
    expect(spans).toEqual([
      {
        name: 'lock.wait orders',
        startNs: 100 * MS,
        endNs: 130 * MS,
        parent: WAITER_SPAN,
        links: [HOLDER_SPAN],
        attributes: {
          'thread.id': 3,
          'thread.name': 'waiter',
          'gridwatch.thread.os_id': 1003,
          'gridwatch.lock.name': 'orders',
          'gridwatch.lock.kind': 'mutex',
          'gridwatch.lock.mode': 'exclusive',
          'gridwatch.wait.outcome': 'acquired',
          'gridwatch.contended': true,
          'gridwatch.lock.holder.thread.id': 4,
          'gridwatch.lock.holder.thread.name': 'holder',
          'gridwatch.lock.holder.site': 'lib.js:7',
          'code.function.name': 'work',
          'code.file.path': 'app.js',
          'code.line.number': 5,
        },
      },
    ]);
    expect(blamed()).toEqual({ [blameOf('holder', 'lib.js:7')]: 30 * MS });
  });

  test('below the threshold of this moment is blame alone', () => {
    dispatch(encodeLockWait(wait({ durationNs: 19 * MS })));
    expect(spans).toEqual([]);
    thresholdMs = 5;
    dispatch(encodeLockWait(wait({ durationNs: 6 * MS })));
    expect(spans).toHaveLength(1);
    thresholdMs = 0;
    dispatch(encodeLockWait(wait({ durationNs: MS })));
    expect(spans).toHaveLength(2);
    expect(blamed()).toEqual({ [blameOf('holder', 'lib.js:7')]: 26 * MS });
  });

  test('for work of the same span has it as its parent, not as a link: with both, Jaeger shows no parent', () => {
    const encoded = wait();
    dispatch(encodeLockWait({ ...encoded, holder: { ...encoded.holder, context: { ...WAITER_SPAN } } }));
    expect(spans).toMatchObject([{ parent: WAITER_SPAN }]);
    expect(spans[0]).not.toHaveProperty('links');
    expect(spans[0]?.attributes['gridwatch.lock.holder.thread.name']).toBe('holder');
  });

  test('of whose holder nothing is known says nothing of it', () => {
    const unknown = { holderWord: 0, slot: 0, siteNumber: 0, stackNumber: 0, context: undefined };
    dispatch(encodeLockWait(wait({ holder: unknown, context: undefined, outcome: 'timeout' })));
    const [span] = spans;
    expect(span).not.toHaveProperty('links');
    expect(span).not.toHaveProperty('parent');
    const keys = Object.keys(span?.attributes ?? {});
    expect(keys.filter((key) => key.startsWith('gridwatch.lock.holder'))).toEqual([]);
    expect(span?.attributes['gridwatch.wait.outcome']).toBe('timeout');
    expect(blamed()).toEqual({ [blameOf('_OTHER', 'unknown')]: 30 * MS });
  });

  test('shows stacks and the names of instances only where the configuration says so', () => {
    const keyed = wait({
      lockId: -4,
      kind: 'promise',
      classNumber: world.name('async-lock@app.js:9'),
      instanceNumber: world.name('user-4711'),
    });
    dispatch(encodeLockWait(keyed));
    dispatch(encodeLockWait(keyed), { names: true, stacks: true });
    const [quiet, full] = spans.map(({ attributes }) => attributes);
    expect(JSON.stringify(quiet)).not.toContain('4711');
    expect(Object.keys(quiet ?? {}).filter((key) => key.endsWith('stacktrace'))).toEqual([]);
    expect(full).toMatchObject({
      'gridwatch.lock.name': 'async-lock@app.js:9',
      'gridwatch.lock.instance': 'user-4711',
      'code.stacktrace': '    at work (app.js:5:9)\n    at main (app.js:1:1)',
      'gridwatch.lock.holder.stacktrace': '    at keep (lib.js:7:3)',
    });
    expect(spans.map(({ name }) => name)).toEqual(['lock.wait async-lock@app.js:9', 'lock.wait async-lock@app.js:9']);
  });

  test('that was ended to resolve a deadlock is shown whatever the sampler says, as a failure', () => {
    dispatch(encodeLockWait(wait({ outcome: 'deadlock' })));
    expect(spans).toMatchObject([{ isIncident: true, error: 'the wait was part of a deadlock' }]);
  });

  test('for a channel is none for a lock', () => {
    dispatch(encodeLockWait(wait({ kind: 'channel' })));
    expect(spans).toEqual([]);
    expect(blamed()).toEqual({});
  });
});

test('the sum of short waits is blame', () => {
  const ref = { lockId: lock.id, classNumber: 0, kind: 'mutex', mode: 'exclusive' } as const;
  dispatch(encodeLockBlame({ ...ref, holderWord: holder.word, waitedNs: 1.5 * MS, atNs: 5 }));
  expect(blamed()).toEqual({ [blameOf('holder', 'unknown')]: 1.5 * MS });
  expect(spans).toEqual([]);
});

test('orders and races go to whoever looks for them, with the thread', () => {
  const seen: unknown[] = [];
  const ref = { lockId: lock.id, classNumber: 0, kind: 'mutex', mode: 'exclusive' } as const;
  const unknown = { holderWord: 0, slot: 0, siteNumber: 0, stackNumber: 0, context: undefined };
  const listeners: LockListeners = {
    onLockWait: ({ name }, { durationNs }) => void seen.push(['wait', name, durationNs]),
    onLockOrder: ({ name }, { gates }) => void seen.push(['order', name, gates]),
    onRace: ({ name }, { index }) => void seen.push(['race', name, index]),
  };
  const order = { outer: ref, inner: ref, gates: [9], stackNumber: 0, atNs: 5, context: undefined, isAsync: false };
  const race = { lockId: lock.id, index: 12, isWrite: true, otherIsWrite: true, atNs: 5, stackNumber: 0 };
  dispatch(encodeLockOrder(order), {}, listeners);
  dispatch(encodeRace({ ...race, context: undefined, other: unknown }), {}, listeners);
  dispatch(encodeLockWait(wait()), {}, listeners);
  expect(seen).toEqual([
    ['order', 'waiter', [9]],
    ['race', 'waiter', 12],
    ['wait', 'waiter', 30 * MS],
  ]);
});

test('a record that cannot be believed is counted', () => {
  const [first, second] = encodeLockWait(wait());
  dispatch([{ ...first, second: 0xff }, second as never]);
  dispatch([first]);
  expect(corrupt).toBe(2);
  expect(spans).toEqual([]);
});
