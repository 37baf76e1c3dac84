/**
 * A sender or a receiver of a channel in every way there is: blocking, trying, with a time-out, asynchronously. A sender marks what it has sent, a receiver
 * what it has received, in shared memory, so that the marks outlive it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Channel, GridwatchError, type LockHandle } from '../../../agent/app-thread/sync/index.ts';
import { Random } from '../../support/random.ts';
import type { ThreadData } from '../../support/threads.ts';
import { ITEMS_PER_SENDER, stressId, stressItem } from '../channel-items.ts';

interface MemberData extends ThreadData {
  readonly handle: LockHandle;
  readonly role: 'sender' | 'receiver';
  /** The sender's number, and how many items it sends. */
  readonly sender: number;
  readonly count: number;
  /** Does nothing but send or receive, so that it is likely to end in the midst of it. */
  readonly isBusy?: boolean;
}

const { buffer, seed, handle, role, sender, count, isBusy } = workerData as MemberData;
const random = new Random(seed);
/** Bit 0: sent; the others: how many times it was received. */
const marks = new Int32Array(buffer);
const channel = Channel.from(handle);
const forbidden: [string, string][] = [];

const isCode = (error: unknown, code: string): boolean => error instanceof GridwatchError && error.code === code;

async function send(item: unknown): Promise<void> {
  if (isBusy === true) return channel.send(item);
  for (;;) {
    try {
      switch (random.below(4)) {
        case 0:
          channel.send(item);
          return;
        case 1:
          if (channel.trySend(item)) return;
          break;
        case 2:
          channel.send(item, { timeoutMs: random.below(3) });
          return;
        default:
          await channel.sendAsync(item, { timeoutMs: 5, signal: AbortSignal.timeout(1 + random.below(20)) });
          return;
      }
    } catch (error) {
      if (!isCode(error, 'ERR_GRIDWATCH_LOCK_TIMEOUT') && (error as Error).name !== 'TimeoutError') throw error;
    }
  }
}

async function receive(): Promise<unknown> {
  for (;;) {
    try {
      switch (isBusy === true ? 0 : random.below(4)) {
        case 0:
          return channel.receive();
        case 1: {
          const item = channel.tryReceive();
          if (item !== undefined) return item;
          break;
        }
        case 2:
          return channel.receive({ timeoutMs: random.below(3) });
        default:
          return await channel.receiveAsync({ timeoutMs: 5, signal: AbortSignal.timeout(1 + random.below(20)) });
      }
    } catch (error) {
      if (isCode(error, 'ERR_GRIDWATCH_CHANNEL_CLOSED')) return undefined;
      if (!isCode(error, 'ERR_GRIDWATCH_LOCK_TIMEOUT') && (error as Error).name !== 'TimeoutError') throw error;
    }
  }
}

async function sendAll(): Promise<void> {
  for (let n = 0; n < count; n++) {
    const id = sender * ITEMS_PER_SENDER + n;
    await send(stressItem(id));
    Atomics.or(marks, id, 1);
    if (isBusy !== true) random.pause();
  }
}

async function receiveAll(): Promise<void> {
  const last = new Map<number, number>();
  for (;;) {
    const item = await receive();
    if (item === undefined) return;
    const id = stressId(item);
    if (id === undefined) {
      forbidden.push(['torn', JSON.stringify(item).slice(0, 50)]);
      continue;
    }
    const from = Math.floor(id / ITEMS_PER_SENDER);
    if (id <= (last.get(from) ?? -1)) forbidden.push(['order', `${id} after ${last.get(from)}`]);
    last.set(from, id);
    Atomics.add(marks, id, 2);
    if (isBusy !== true) random.pause();
  }
}

parentPort?.postMessage('begins');
await (role === 'sender' ? sendAll() : receiveAll());
parentPort?.postMessage(forbidden);
