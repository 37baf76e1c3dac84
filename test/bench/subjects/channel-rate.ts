/**
 * One run of one way to hand items from threads to threads: `node channel-rate.ts <way> <producers> <payload> <items>`; as many consumers as producers, and
 * each takes its share. Prints the items a second, from the moment at which all threads are ready, warmed up by other items, until the last consumer has
 * its last.
 *
 *     channel       a `Channel`
 *     mutex         a ring in shared memory under a `Mutex`, with the same encoding of items; who finds it full or empty parks at a counter, and is woken
 *                   only where somebody is parked
 *     postMessage   each producer has a consumer of its own at the other end of a MessageChannel: without a third thread in between there is no
 *                   faster way; a window, acknowledged by halves, bounds it as the capacity does the others
 */
import { once } from 'node:events';
import { isMainThread, MessageChannel, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { ItemReader, ItemWriter, revive } from '../../../agent/app-thread/sync/channel-items.ts';
import { Channel, type LockHandle, Mutex } from '../../../agent/app-thread/sync/index.ts';
import { cellBytes } from '../../../agent/shared-memory/channel-words.ts';
import { viewsOf } from '../../../agent/shared-memory/lock-block.ts';

const CAPACITY = 1024;
/** So many are handed over by each pair first, so that no thread's code is compiled while it is measured. */
const WARM_UP_ITEMS = 60_000;
const ITEM_BYTES = 112;
const WAYS = ['channel', 'mutex', 'postMessage'] as const;
type Way = (typeof WAYS)[number];

interface Settings {
  readonly way: Way;
  readonly isProducer: boolean;
  readonly payload: 'number' | 'bytes';
  readonly items: number;
  /** Word 0: how many rounds may begin. */
  readonly start: Int32Array;
  readonly handle: LockHandle;
  readonly ring: SharedArrayBuffer;
  readonly port: MessagePort | undefined;
}

/** Words of the ring: head and tail count items, the events grow with each wake, and the parked say whether there is anyone to wake. */
const HEAD = 0;
const TAIL = 1;
const ITEM_EVENT = 2;
const ROOM_EVENT = 3;
const ITEM_PARKED = 4;
const ROOM_PARKED = 5;
const CELLS_AT = 64;

class MutexRing {
  readonly #mutex: Mutex;
  readonly #words: Int32Array;
  readonly #writer: ItemWriter;
  readonly #reader: ItemReader;

  constructor(handle: LockHandle, ring: SharedArrayBuffer) {
    const views = viewsOf(ring);
    this.#mutex = Mutex.from(handle);
    this.#words = views.i32;
    this.#writer = new ItemWriter(views, ITEM_BYTES);
    this.#reader = new ItemReader(views);
  }

  send(item: unknown): void {
    const words = this.#words;
    this.#writer.measure(item);
    for (;;) {
      let event = 0;
      {
        using _ = this.#mutex.acquire();
        const tail = words[TAIL] as number;
        if (tail - (words[HEAD] as number) < CAPACITY) {
          this.#writer.write(item, CELLS_AT + (tail & (CAPACITY - 1)) * cellBytes(ITEM_BYTES));
          words[TAIL] = tail + 1;
          this.#wake(ITEM_EVENT, ITEM_PARKED);
          return;
        }
        words[ROOM_PARKED] = (words[ROOM_PARKED] as number) + 1;
        event = words[ROOM_EVENT] as number;
      }
      Atomics.wait(words, ROOM_EVENT, event);
    }
  }

  receive(): unknown {
    const words = this.#words;
    for (;;) {
      let event = 0;
      {
        using _ = this.#mutex.acquire();
        const head = words[HEAD] as number;
        if (head !== words[TAIL]) {
          const found = this.#reader.read(CELLS_AT + (head & (CAPACITY - 1)) * cellBytes(ITEM_BYTES));
          words[HEAD] = head + 1;
          this.#wake(ROOM_EVENT, ROOM_PARKED);
          return revive(found);
        }
        words[ITEM_PARKED] = (words[ITEM_PARKED] as number) + 1;
        event = words[ITEM_EVENT] as number;
      }
      Atomics.wait(words, ITEM_EVENT, event);
    }
  }

  #wake(event: number, parked: number): void {
    const words = this.#words;
    if (words[parked] === 0) return;
    words[parked] = (words[parked] as number) - 1;
    words[event] = (words[event] as number) + 1;
    Atomics.notify(words, event, 1);
  }
}

async function main(way: Way, pairs: number, payload: Settings['payload'], items: number): Promise<void> {
  const start = new Int32Array(new SharedArrayBuffer(4));
  const channel = new Channel({ capacity: CAPACITY, itemBytes: ITEM_BYTES });
  const handle = way === 'channel' ? channel.handle : new Mutex().handle;
  const ring = new SharedArrayBuffer(CELLS_AT + CAPACITY * cellBytes(ITEM_BYTES));
  const workers: Worker[] = [];
  for (let i = 0; i < pairs; i++) {
    const { port1, port2 } = new MessageChannel();
    for (const isProducer of [true, false]) {
      const port = way !== 'postMessage' ? undefined : isProducer ? port1 : port2;
      const settings: Settings = { way, isProducer, payload, items: items / pairs, start, handle, ring, port };
      const transferList = port === undefined ? [] : [port];
      workers.push(new Worker(new URL(import.meta.url), { workerData: settings, transferList }));
    }
    if (way !== 'postMessage') port1.close();
  }
  const all = async (): Promise<unknown> => Promise.all(workers.map(async (worker) => once(worker, 'message')));
  await all();
  let startMs = 0;
  for (const round of [1, 2]) {
    const ended = all();
    startMs = performance.now();
    Atomics.store(start, 0, round);
    Atomics.notify(start, 0);
    await ended;
  }
  console.log(JSON.stringify({ itemsPerS: (items / (performance.now() - startMs)) * 1000 }));
  await Promise.all(workers.map(async (worker) => worker.terminate()));
}

async function work({ way, isProducer, payload, items, start, handle, ring, port }: Settings): Promise<void> {
  const item = payload === 'number' ? 12_345.5 : new Uint8Array(100).fill(7);
  const channel = way === 'channel' ? Channel.from(handle) : undefined;
  const mutexRing = way === 'mutex' ? new MutexRing(handle, ring) : undefined;
  const run = async (count: number): Promise<void> => {
    if (port !== undefined) await (isProducer ? post(port, item, count) : collect(port, count));
    else if (channel !== undefined)
      if (isProducer) for (let i = 0; i < count; i++) channel.send(item);
      else for (let i = 0; i < count; i++) channel.receive();
    else if (isProducer) for (let i = 0; i < count; i++) mutexRing?.send(item);
    else for (let i = 0; i < count; i++) mutexRing?.receive();
  };
  parentPort?.postMessage(0);
  for (const [round, count] of [WARM_UP_ITEMS, items].entries()) {
    Atomics.wait(start, 0, round);
    await run(count);
    parentPort?.postMessage(0);
  }
}

/** Posts with at most a window of messages that were not acknowledged. */
async function post(port: MessagePort, item: unknown, items: number): Promise<void> {
  const window = { free: CAPACITY, hasRoom: (): void => {} };
  port.removeAllListeners('message').on('message', () => {
    window.free += CAPACITY / 2;
    window.hasRoom();
  });
  for (let sent = 0; sent < items; sent++) {
    if (window.free === 0) await new Promise<void>((resolve) => (window.hasRoom = resolve));
    window.free--;
    port.postMessage(item);
  }
}

async function collect(port: MessagePort, items: number): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    port.removeAllListeners('message').on('message', () => {
      if (++count % (CAPACITY / 2) === 0) port.postMessage(0);
      if (count === items) resolve();
    });
  });
}

if (isMainThread) {
  const [way, pairs, payload, items] = process.argv.slice(2);
  await main(way as Way, Number(pairs), payload as Settings['payload'], Number(items));
} else await work(workerData as Settings);
