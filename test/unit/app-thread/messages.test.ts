/**
 * The ports of one thread followed: which context comes with which message, whichever way it is taken, what the ledger counts, and what nobody may notice. What
 * several threads do is in test/stress/messages.test.ts. Runs in the test's process, with Node's own ports.
 */
import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ContextScopes, LazyContext } from '../../../agent/app-thread/context/context-scope.ts';
import { findMessageLink } from '../../../agent/app-thread/message-link.ts';
import { followMessages } from '../../../agent/app-thread/messages/thread-messages.ts';
import { Recorder } from '../../../agent/app-thread/recorder.ts';
import { activeTraceIds } from '../../../agent/app-thread/trace-context.ts';
import { ControlMemory, HEADER } from '../../../agent/shared-memory/layout.ts';
import { isPoisoned } from '../../../agent/shared-memory/ledger.ts';
import { scanChannels } from '../../../agent/shared-memory/ledger-sweep.ts';
import { DIRECTION, MessageMemory } from '../../../agent/shared-memory/message-memory.ts';
import { lookUpName } from '../../../agent/shared-memory/names.ts';
import { claimSlot, type TraceIds } from '../../../agent/shared-memory/registry.ts';
import { contextWith, ids, register, unregister } from './fake-api.ts';

const threads = process.getBuiltinModule('node:worker_threads');

const control = ControlMemory.create(0);
const memory = MessageMemory.create();
let active: ReturnType<typeof ids> | undefined;
let served: (TraceIds | undefined)[] = [];
let lazy: LazyContext | undefined;
let stop: () => void = () => {};

const scopes: ContextScopes = {
  canActivate: true,
  isClear: false,
  run: (context, fn) => {
    lazy = context !== undefined && 'wake' in context ? context : undefined;
    served.push(lazy?.source ?? (context as TraceIds | undefined));
    return fn();
  },
  active: activeTraceIds,
};

beforeEach(() => {
  served = [];
  active = undefined;
  register({ context: { active: () => contextWith(active) } });
  const claim = claimSlot(control, {
    parentThreadId: 0,
    name: '',
    file: '',
    nowNs: 1,
    spawnContext: undefined,
    spawnSite: '',
  });
  if (claim === undefined) throw new Error('no slot');
  ({ stop } = followMessages({ recorder: new Recorder(control, claim), memory, scopes, ports: undefined }));
});

afterEach(() => {
  stop();
  unregister();
});

function withSpan<T>(span: ReturnType<typeof ids>, fn: () => T): T {
  active = span;
  try {
    return fn();
  } finally {
    active = undefined;
  }
}

const plain = ({ traceId, spanId, traceFlags }: TraceIds): TraceIds => ({ traceId, spanId, traceFlags });
const received = (): TraceIds | undefined => findMessageLink()?.received();

/** The newest channel. */
function newest(): number {
  const channels: number[] = [];
  scanChannels(
    memory,
    () => true,
    (channel) => void channels.push(channel),
  );
  return Math.max(...channels);
}

function counted(channel: number, direction: number, field: number): number {
  return memory.i32[(memory.directionAt(channel, direction) + field) >> 2] as number;
}

describe('a message', () => {
  test('has the span that was active at its post', async () => {
    const { port1, port2 } = new MessageChannel();
    const first = ids();
    const second = ids(0);
    withSpan(first, () => port1.postMessage(1));
    port1.postMessage(2);
    withSpan(second, () => port1.postMessage(3));
    const seen: unknown[] = [];
    for await (const message of take(port2, 3)) seen.push([message, received()]);
    expect(seen.at(-1)).toEqual([3, plain(second)]);
    expect(served).toEqual([plain(first), undefined, plain(second)]);
    port1.close();
    await once(port2, 'close');
  });

  test.each([
    [0, 'a span of its own'],
    [1, 'the span of its post, because none of ours would leave'],
  ])('with SPANS_OFF %i gives what its receiver does %s', async (spansOff) => {
    control.i32[HEADER.SPANS_OFF >> 2] = spansOff;
    try {
      const { port1, port2 } = new MessageChannel();
      const span = ids();
      withSpan(span, () => port1.postMessage(1));
      await once(port2, 'message');
      const seen = lazy?.wake();
      expect(seen?.traceId).toBe(span.traceId);
      expect(seen?.spanId === span.spanId).toBe(spansOff === 1);
      port1.close();
    } finally {
      control.i32[HEADER.SPANS_OFF >> 2] = 0;
    }
  });

  test('taken by receiveMessageOnPort has it too, and runs nothing in it', () => {
    const { port1, port2 } = new MessageChannel();
    const span = ids();
    withSpan(span, () => port1.postMessage('a'));
    port1.postMessage('b');
    expect([threads.receiveMessageOnPort(port2), received()]).toEqual([{ message: 'a' }, plain(span)]);
    expect([threads.receiveMessageOnPort(port2), received()]).toEqual([{ message: 'b' }, undefined]);
    expect(threads.receiveMessageOnPort(port2)).toBeUndefined();
    expect(served).toEqual([]);
    port1.close();
  });

  test('that a getter of another message posts comes first, with its own span', () => {
    const { port1, port2 } = new MessageChannel();
    const [outer, inner] = [ids(), ids()];
    withSpan(outer, () =>
      port1.postMessage({
        get value() {
          withSpan(inner, () => port1.postMessage('inner'));
          active = outer;
          return 'outer';
        },
      }),
    );
    expect([threads.receiveMessageOnPort(port2), received()]).toEqual([{ message: 'inner' }, plain(inner)]);
    expect([threads.receiveMessageOnPort(port2), received()]).toEqual([{ message: { value: 'outer' } }, plain(outer)]);
    port1.close();
  });

  test('that cannot be cloned was never posted, and is counted as an error', () => {
    const { port1, port2 } = new MessageChannel();
    const channel = newest();
    const span = ids();
    expect(() => port1.postMessage(() => {})).toThrow(/could not be cloned/);
    withSpan(span, () => port1.postMessage('next'));
    expect([threads.receiveMessageOnPort(port2), received()]).toEqual([{ message: 'next' }, plain(span)]);
    expect(counted(channel, 0, DIRECTION.POSTED)).toBe(1);
    expect(counted(channel, 0, DIRECTION.SEND_ERRORS)).toBe(1);
    port1.close();
  });

  test('emitted or dispatched by the program is no delivery', () => {
    const { port1, port2 } = new MessageChannel();
    const channel = newest();
    const heard: unknown[] = [];
    port2.on('message', (message) => heard.push(message));
    (port2 as unknown as NodeJS.EventEmitter).emit('message', 'emitted');
    port2.dispatchEvent(new MessageEvent('message', { data: 'dispatched' }));
    expect([heard.length, heard[0]]).toEqual([2, 'emitted']);
    expect(counted(channel, 0, DIRECTION.DELIVERED)).toBe(0);
    port1.close();
    port2.close();
  });

  test("of a pool's carries the context of the task", () => {
    const { port1, port2 } = new MessageChannel();
    const [span, task] = [ids(), ids()];
    withSpan(span, () => findMessageLink()?.postAs(plain(task), () => port1.postMessage(1)));
    threads.receiveMessageOnPort(port2);
    expect(received()).toEqual(plain(task));
    port1.close();
  });
});

const medianOf = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

describe('transit', () => {
  /* What lies between the two timestamps is a part of the post and of the delivery: on a machine where a post takes longer, that does, too. */
  test('is what a timestamp in the message says, within 20 us, or four times what a post takes', async () => {
    const { port1, port2 } = new MessageChannel();
    const at = memory.transitAt(newest(), 0) >> 3;
    const differencesUs: number[] = [];
    const postsUs: number[] = [];
    for (let i = 0; i < 101; i++) {
      const before = memory.f64[at] as number;
      const delivered = new Promise<number>((resolve) => {
        port2.once('message', (sentNs: bigint) => resolve(Number(process.hrtime.bigint() - sentNs)));
      });
      const sentNs = process.hrtime.bigint();
      port1.postMessage(sentNs);
      postsUs.push(Number(process.hrtime.bigint() - sentNs) / 1e3);
      const saidNs = await delivered;
      differencesUs.push((saidNs - (memory.f64[at] as number) + before) / 1e3);
    }
    expect(Math.min(...differencesUs)).toBeGreaterThan(-0.1);
    expect(medianOf(differencesUs)).toBeLessThan(Math.max(20, 4 * medianOf(postsUs)));
    port1.close();
  });
});

describe('a port that travels', () => {
  test.each(['event', 'receiveMessageOnPort'])('is known where it arrives: %s', async (way) => {
    const carrier = new MessageChannel();
    const travelling = new MessageChannel();
    const channel = newest();
    const span = ids();
    withSpan(span, () => travelling.port2.postMessage('on its way'));
    carrier.port1.postMessage({ port: travelling.port1 }, [travelling.port1]);
    let port: MessagePort;
    if (way === 'event') [{ port }] = (await once(carrier.port2, 'message')) as [{ port: typeof port }];
    else ({ port } = (threads.receiveMessageOnPort(carrier.port2) as { message: { port: typeof port } }).message);
    expect([threads.receiveMessageOnPort(port), received()]).toEqual([{ message: 'on its way' }, plain(span)]);
    const back = ids();
    withSpan(back, () => port.postMessage('back'));
    expect([threads.receiveMessageOnPort(travelling.port2), received()]).toEqual([{ message: 'back' }, plain(back)]);
    expect(isPoisoned(memory, channel)).toBe(false);
    carrier.port1.close();
    port.close();
  });

  test('with others is told apart by the order of the transfer list', async () => {
    const carrier = new MessageChannel();
    const [one, two] = [new MessageChannel(), new MessageChannel()];
    carrier.port1.postMessage({ a: two.port1, b: one.port1 }, [one.port1, two.port1]);
    const [{ a, b }] = (await once(carrier.port2, 'message')) as [Record<'a' | 'b', MessagePort>];
    const [spanA, spanB] = [ids(), ids()];
    withSpan(spanA, () => a.postMessage('a'));
    withSpan(spanB, () => b.postMessage('b'));
    expect([threads.receiveMessageOnPort(one.port2), received()]).toEqual([{ message: 'b' }, plain(spanB)]);
    expect([threads.receiveMessageOnPort(two.port2), received()]).toEqual([{ message: 'a' }, plain(spanA)]);
    for (const port of [carrier.port1, one.port2, two.port2]) port.close();
  });

  test('in a message that could not be posted stays', () => {
    const carrier = new MessageChannel();
    const kept = new MessageChannel();
    expect(() => carrier.port1.postMessage(() => {}, [kept.port1])).toThrow(/could not be cloned/);
    const span = ids();
    withSpan(span, () => kept.port1.postMessage(1));
    threads.receiveMessageOnPort(kept.port2);
    expect(received()).toEqual(plain(span));
    carrier.port1.close();
    kept.port1.close();
  });

  test.each([
    ['structuredClone', (port: MessagePort) => void structuredClone(port, { transfer: [port] })],
    [
      'moveMessagePortToContext',
      (port: MessagePort) =>
        void threads.moveMessagePortToContext(port, process.getBuiltinModule('node:vm').createContext()),
    ],
  ])('out of sight is off in both directions: %s', (_, leave) => {
    const { port1, port2 } = new MessageChannel();
    const channel = newest();
    withSpan(ids(), () => port1.postMessage(1));
    leave(port1);
    expect(isPoisoned(memory, channel)).toBe(true);
    threads.receiveMessageOnPort(port2);
    expect(received()).toBeUndefined();
    port2.close();
  });
});

describe('a channel', () => {
  test('is named after the place where it was made', () => {
    const { port1 } = new MessageChannel();
    const name = memory.i32[memory.channelAt(newest()) >> 2] as number;
    expect(lookUpName(control, name)).toMatch(/^MessageChannel@.*messages\.test\.ts:\d+$/);
    port1.close();
  });

  test('is over once its ports are closed', async () => {
    const { port1, port2 } = new MessageChannel();
    const channel = newest();
    port1.close();
    await once(port2, 'close');
    const words = [0, 1].map((end) => memory.i32[memory.endAt(channel, end) >> 2]);
    expect(words).toEqual([3, 3]);
  });

  test('looks as it did', () => {
    const { port1 } = new MessageChannel();
    expect(port1.constructor).toBe(threads.MessagePort);
    expect(new MessageChannel()).toBeInstanceOf(threads.MessageChannel);
    expect([MessageChannel.name, MessageChannel.length, MessageChannel.prototype.constructor]).toEqual([
      'MessageChannel',
      0,
      MessageChannel,
    ]);
    expect(() => (MessageChannel as unknown as () => void)()).toThrow(/new/);
    expect(Reflect.ownKeys(port1).filter((key) => typeof key === 'string')).toEqual([]);
    port1.close();
  });
});

/** The next messages of a port. */
async function* take(port: MessagePort, count: number): AsyncGenerator {
  const messages: unknown[] = [];
  await new Promise<void>((resolve) => {
    port.on('message', (message) => {
      messages.push(message);
      if (messages.length === count) resolve();
    });
  });
  yield* messages;
}
