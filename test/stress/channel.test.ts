/**
 * Channels under real threads: 1 to 8 senders and as many receivers, in every way to send and receive, and hundreds of threads terminated at random
 * moments. Each item is received once, whole, in its sender's order; whoever dies holds nobody up (N1, N2, N4, N5).
 */
import { describe, expect, test } from 'vitest';
import { Channel, type LockHandle } from '../../agent/app-thread/sync/index.ts';
import { CHANNEL, readChannelFill } from '../../agent/shared-memory/channel-words.ts';
import { BLOCK, readIdentity, viewsOf } from '../../agent/shared-memory/lock-block.ts';
import { Outcomes } from '../support/outcomes.ts';
import { Random, runSeed } from '../support/random.ts';
import { joinThread, startThread, type TestThread } from '../support/threads.ts';
import { ITEMS_PER_SENDER } from './channel-items.ts';

const MEMBER = new URL('threads/channel-member.ts', import.meta.url);
const ITEMS = 24_000;
/** In each of two tests. */
const KILLS = 120;

const marksFor = (senders: number): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(senders * ITEMS_PER_SENDER * 4));

async function countForbidden({ message }: TestThread, outcomes: Outcomes): Promise<void> {
  for (const [outcome, first] of (await message()) as [string, string][]) outcomes.forbidden(outcome, first);
}

function fillOf({ buffer, byteOffset }: LockHandle): ReturnType<typeof readChannelFill> {
  const views = viewsOf(buffer);
  const identity = readIdentity(views, byteOffset);
  if (identity === undefined) throw new Error('no channel');
  return readChannelFill(views, byteOffset, identity);
}

describe('a channel between living threads', () => {
  test.each<[senders: number, receivers: number, capacity: number]>([
    [1, 1, 1],
    [1, 1, 16],
    [2, 2, 3],
    [4, 4, 1],
    [4, 4, 100],
    [8, 8, 2],
    [8, 8, 64],
    [1, 8, 5],
    [8, 1, 5],
  ])('N1, N2, N4: %i senders, %i receivers, room for %i', async (senders, receivers, capacity) => {
    const outcomes = new Outcomes(`channel ${senders}-${receivers}, ${capacity}`);
    const channel = new Channel({ capacity });
    const { handle } = channel;
    const marks = marksFor(senders);
    const count = ITEMS / senders;
    const start = (role: string, sender: number, index: number): TestThread =>
      startThread(MEMBER, marks.buffer, index, { handle, role, sender, count });
    const sending = Array.from({ length: senders }, (_, i) => start('sender', i, i));
    const receiving = Array.from({ length: receivers }, (_, i) => start('receiver', 0, 100 + i));
    const all = [...sending, ...receiving];
    await Promise.all(all.map(async ({ message }) => message()));
    await Promise.all(sending.map(async (thread) => countForbidden(thread, outcomes)));
    channel.close();
    await Promise.all(receiving.map(async (thread) => countForbidden(thread, outcomes)));
    await Promise.all(all.map(async ({ gone }) => gone));
    for (let sender = 0; sender < senders; sender++) {
      for (let n = 0; n < count; n++) {
        const mark = Atomics.load(marks, sender * ITEMS_PER_SENDER + n);
        if (mark === 3) outcomes.acceptable('received once');
        else outcomes.forbidden(mark === 1 ? 'lost' : 'received again', `${sender}: ${n}: ${mark}`);
      }
    }
    const fill = fillOf(handle);
    expect(fill).toMatchObject({ size: 0, isClosed: true, arrivals: ITEMS, completions: ITEMS });
    outcomes.report('received once');
  });
});

test.each([{ isBusy: true }, { isBusy: false }])(
  'N1, N2, N5: threads terminated, busy: $isBusy',
  async ({ isBusy }) => {
    const outcomes = new Outcomes(`channel, terminations, busy: ${isBusy}`);
    const random = new Random(runSeed);
    /* Busy senders never find it full: they are terminated while they send, not while they wait. */
    const channel = new Channel({ capacity: isBusy ? 8192 : 4 });
    const { handle } = channel;
    const marks = marksFor(KILLS);
    const file = await joinThread(MEMBER);
    let started = 0;
    let killedReceivers = 0;

    /** Starts one after the other, and ends each after a while. */
    const killAll = async (role: 'sender' | 'receiver', kills: number): Promise<void> => {
      for (let i = 0; i < kills; i++) {
        const sender = started++;
        const thread = startThread(file, marks.buffer, sender, {
          handle,
          role,
          sender,
          count: ITEMS_PER_SENDER,
          isBusy,
        });
        await thread.message();
        const untilMs = performance.now() + random.below(20);
        while (performance.now() < untilMs) await new Promise((resolve) => setImmediate(resolve));
        const received = role === 'receiver' ? thread.message() : undefined;
        received?.catch(() => {});
        await thread.worker.terminate();
        await thread.gone;
        if (role === 'receiver') killedReceivers++;
      }
    };
    await Promise.all([
      killAll('sender', KILLS / 4),
      killAll('sender', KILLS / 4),
      killAll('receiver', KILLS / 4),
      killAll('receiver', KILLS / 4),
    ]);

    /* Whoever is left takes the rest, past all the dead. */
    channel.close();
    const last = startThread(file, marks.buffer, started, { handle, role: 'receiver', sender: 0, count: 0 });
    await last.message();
    await countForbidden(last, outcomes);
    await last.gone;

    let lost = 0;
    for (const mark of marks) {
      if (mark === 3) outcomes.acceptable('received once');
      else if (mark === 2) outcomes.acceptable('received, its sender dead');
      else if (mark === 1) lost++;
      else if (mark !== 0) outcomes.forbidden('received again', String(mark));
    }
    outcomes.acceptable('taken along by a receiver', lost);
    if (lost > killedReceivers) outcomes.forbidden('lost', `${lost} with ${killedReceivers} receivers`);
    const { size, isClosed } = fillOf(handle);
    expect({ size, isClosed }).toEqual({ size: 0, isClosed: true });
    const views = viewsOf(handle.buffer);
    outcomes.acceptable('died while it wrote', views.i32[(handle.byteOffset + BLOCK.ABANDONMENTS) >> 2]);
    outcomes.acceptable('skipped tickets', views.i32[(handle.byteOffset + CHANNEL.SKIPPED) >> 2]);
    outcomes.acceptable('terminated', KILLS);
    outcomes.report('received once', ...(isBusy ? ['skipped tickets'] : []));
  },
);
