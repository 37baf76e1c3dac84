/** A channel as one thread uses it: order, room, time-outs, signals, closing, names and memory. What several threads do to it is under test/stress/. */
import { describe, expect, test } from 'vitest';
import { Channel, GridwatchError, Mutex } from '../../../../agent/app-thread/sync/index.ts';
import { readChannelFill } from '../../../../agent/shared-memory/channel-words.ts';
import { BLOCK, readIdentity, viewsOf } from '../../../../agent/shared-memory/lock-block.ts';

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof GridwatchError ? error.code : String(error);
  }
  return 'none';
};

const codeOfLater = async (later: Promise<unknown>): Promise<string> => {
  try {
    await later;
  } catch (error) {
    return error instanceof GridwatchError ? error.code : String(error);
  }
  return 'none';
};

describe('sending and receiving', () => {
  test('items come in the order in which they were sent, lap after lap', () => {
    const channel = new Channel<number>({ capacity: 3 });
    const received: number[] = [];
    for (let n = 0; n < 100; n++) {
      channel.send(n);
      if (n % 3 === 2) while (channel.size > 0) received.push(channel.receive());
    }
    received.push(channel.receive());
    expect(received).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(channel.tryReceive()).toBeUndefined();
  });

  test('a full channel takes no more than its capacity', () => {
    const channel = new Channel<string>({ capacity: 2 });
    expect([channel.trySend('a'), channel.trySend('b'), channel.trySend('c')]).toEqual([true, true, false]);
    expect(channel.size).toBe(2);
    expect(channel.receive()).toBe('a');
    expect(channel.trySend('d')).toBe(true);
    expect([channel.receive(), channel.receive(), channel.tryReceive()]).toEqual(['b', 'd', undefined]);
  });

  test('a blocking call gives up after its time', () => {
    const channel = new Channel<number>({ capacity: 1 });
    expect(codeOf(() => channel.receive({ timeoutMs: 5 }))).toBe('ERR_GRIDWATCH_LOCK_TIMEOUT');
    channel.send(1);
    const startMs = performance.now();
    expect(codeOf(() => channel.send(2, { timeoutMs: 5 }))).toBe('ERR_GRIDWATCH_LOCK_TIMEOUT');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(4.9);
    expect(channel.receive()).toBe(1);
    expect(channel.tryReceive()).toBeUndefined();
  });
});

describe('asynchronously', () => {
  test('what is sent wakes who waits, in their order', async () => {
    const channel = new Channel<number>({ capacity: 4 });
    const waiting = [channel.receiveAsync(), channel.receiveAsync()];
    channel.send(1);
    channel.send(2);
    expect(await Promise.all(waiting)).toEqual([1, 2]);
  });

  test('sends that wait keep their order, also before a blocking one of the same thread', async () => {
    const channel = new Channel<number>({ capacity: 1 });
    channel.send(1);
    const sends = [channel.sendAsync(2), channel.sendAsync(3)];
    expect(channel.receive()).toBe(1);
    /* There is room, but not for this one. */
    expect(channel.trySend(4)).toBe(false);
    expect(codeOf(() => channel.send(4, { timeoutMs: 1 }))).toBe('ERR_GRIDWATCH_LOCK_TIMEOUT');
    expect(channel.receive()).toBe(2);
    const fourth = channel.sendAsync(4);
    expect([await channel.receiveAsync(), await channel.receiveAsync()]).toEqual([3, 4]);
    await Promise.all([...sends, fourth]);
  });

  test('an item is encoded when it is sent, not when there is room', async () => {
    const channel = new Channel({ capacity: 1 });
    channel.send(0);
    const bytes = new Uint8Array([1, 2, 3]);
    const object = { value: 'first' };
    const sends = [channel.sendAsync(bytes), channel.sendAsync(object)];
    bytes.fill(9);
    object.value = 'second';
    channel.receive();
    expect(await channel.receiveAsync()).toEqual(new Uint8Array([1, 2, 3]));
    expect(await channel.receiveAsync()).toEqual({ value: 'first' });
    await Promise.all(sends);
  });

  test('a signal or a time-out ends the wait, and nothing is sent or taken by it', async () => {
    const channel = new Channel<string>({ capacity: 1 });
    const controller = new AbortController();
    const aborted = channel.receiveAsync({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    expect(await codeOfLater(channel.receiveAsync({ timeoutMs: 2 }))).toBe('ERR_GRIDWATCH_LOCK_TIMEOUT');
    await expect(channel.receiveAsync({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');

    channel.send('there');
    const second = new AbortController();
    const unsent = channel.sendAsync('never', { signal: second.signal });
    second.abort(new Error('enough'));
    /* Before the promise is settled, too. */
    expect(channel.receive()).toBe('there');
    channel.send('next');
    await expect(unsent).rejects.toThrow('enough');
    expect([channel.receive(), channel.tryReceive()]).toEqual(['next', undefined]);
  });
});

describe('closing', () => {
  test('what is there is received, then there is an error', async () => {
    const channel = new Channel<number>({ name: 'closing', buffer: new SharedArrayBuffer(8192), capacity: 4 });
    channel.send(1);
    channel.send(2);
    expect([channel.close(), channel.close(), channel.isClosed]).toEqual([true, false, true]);
    expect(codeOf(() => channel.send(3))).toBe('ERR_GRIDWATCH_CHANNEL_CLOSED');
    expect(codeOf(() => channel.trySend(3))).toBe('ERR_GRIDWATCH_CHANNEL_CLOSED');
    expect([channel.receive(), await channel.receiveAsync()]).toEqual([1, 2]);
    expect(codeOf(() => channel.receive())).toBe('ERR_GRIDWATCH_CHANNEL_CLOSED');
    expect(codeOf(() => channel.tryReceive())).toBe('ERR_GRIDWATCH_CHANNEL_CLOSED');
    expect(await codeOfLater(channel.receiveAsync())).toBe('ERR_GRIDWATCH_CHANNEL_CLOSED');
  });

  test('all who wait are told', async () => {
    const empty = new Channel({ capacity: 1 });
    const receives = [empty.receiveAsync(), empty.receiveAsync()].map(codeOfLater);
    const full = new Channel({ capacity: 1 });
    full.send(0);
    const sends = [full.sendAsync(1), full.sendAsync(2)].map(codeOfLater);
    empty.close();
    full.close();
    expect(await Promise.all([...receives, ...sends])).toEqual(Array(4).fill('ERR_GRIDWATCH_CHANNEL_CLOSED'));
  });

  test('iterations end, and pass other errors on', async () => {
    const channel = new Channel<number>({ capacity: 4 });
    for (const n of [1, 2, 3]) channel.send(n);
    channel.close();
    const found: number[] = [];
    for await (const n of channel) found.push(n);
    expect(found).toEqual([1, 2, 3]);
    expect([...channel]).toEqual([]);
    const other = new Channel<number>({ capacity: 4 });
    other.send(1);
    await expect(async () => {
      for await (const _ of other) throw new Error('mine');
    }).rejects.toThrow('mine');
  });
});

describe('names and memory', () => {
  test('a name is one channel; with other sizes or as another kind it is an error', () => {
    const one = new Channel('by name', { capacity: 2 });
    const other = new Channel('by name', { capacity: 2 });
    one.send('hello');
    expect(other.receive()).toBe('hello');
    expect(codeOf(() => new Channel('by name', { capacity: 3 }))).toBe('ERR_GRIDWATCH_LOCK_KIND');
    expect(codeOf(() => new Channel('by name', { capacity: 2, itemBytes: 8 }))).toBe('ERR_GRIDWATCH_LOCK_KIND');
    expect(codeOf(() => new Mutex('by name'))).toBe('ERR_GRIDWATCH_LOCK_KIND');
    expect(codeOf(() => Channel.from(new Mutex().handle))).toBe('ERR_GRIDWATCH_LOCK_KIND');
  });

  test("a handle brings the sizes along, also in a buffer of the program's", () => {
    const size = { capacity: 5, itemBytes: 100 };
    const buffer = new SharedArrayBuffer(64 + Channel.bytesFor(size));
    const channel = new Channel<number>({ ...size, buffer, byteOffset: 64 });
    const same = Channel.from<number>(structuredClone(channel.handle));
    channel.send(7);
    expect([same.capacity, same.receive()]).toEqual([5, 7]);
    expect(codeOf(() => new Channel({ ...size, buffer: new SharedArrayBuffer(64) }))).toBe('ERR_GRIDWATCH_LOCK_OPTION');
  });

  test('sizes and items that cannot be are errors', () => {
    for (const capacity of [0, 1.5, 2 ** 21, undefined, '3'])
      expect(codeOf(() => new Channel({ capacity: capacity as number }))).toBe('ERR_GRIDWATCH_LOCK_OPTION');
    expect(codeOf(() => new Channel({ capacity: 1, itemBytes: 7 }))).toBe('ERR_GRIDWATCH_LOCK_OPTION');
    expect(codeOf(() => new Channel({ capacity: 2 ** 20, itemBytes: 2 ** 20 }))).toBe('ERR_GRIDWATCH_LOCK_OPTION');
    const channel = new Channel({ capacity: 1, itemBytes: 16 });
    expect(codeOf(() => channel.send('x'.repeat(17)))).toBe('ERR_GRIDWATCH_ITEM_TOO_LARGE');
    expect(codeOf(() => channel.send(undefined))).toBe('ERR_GRIDWATCH_LOCK_OPTION');
    expect(codeOf(() => channel.send(() => 1))).toBe('ERR_GRIDWATCH_ITEM_TYPE');
    expect(channel.size).toBe(0);
    channel.send('x'.repeat(16));
    expect(channel.receive()).toBe('x'.repeat(16));
  });

  test('the block says how full the channel is', () => {
    const channel = new Channel<number>({ capacity: 3 });
    const { buffer, byteOffset } = channel.handle;
    const views = viewsOf(buffer);
    const identity = readIdentity(views, byteOffset);
    if (identity === undefined) throw new Error('no block');
    const fill = (): unknown => readChannelFill(views, byteOffset, identity);
    for (const n of [1, 2, 3]) channel.send(n);
    channel.receive();
    expect(fill()).toEqual({
      capacity: 3,
      size: 2,
      arrivals: 3,
      completions: 1,
      isClosed: false,
      oldestSentNs: undefined,
    });
    channel.close();
    channel.receive();
    channel.receive();
    expect(fill()).toMatchObject({ size: 0, arrivals: 3, completions: 3, isClosed: true });
    expect(views.i32[(byteOffset + BLOCK.ABANDONMENTS) >> 2]).toBe(0);
  });
});
