/** How the agent thread learns of a thread's end: from its channel, or, where there is none, by looking for it. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Liveness } from '../../../agent/agent-thread/liveness.ts';
import { SLOT_COUNT } from '../../../agent/shared-memory/layout.ts';
import { osThreadId } from '../../../agent/shared-memory/os-thread.ts';
import type { SlotClaim } from '../../../agent/shared-memory/registry.ts';
import { eventually } from '../../support/eventually.ts';

const S = 1e9;
/** No thread of this process: the kernel gives ids up to 2^22. */
const NO_OS_THREAD = 2 ** 22 + 1;
let ended: SlotClaim[] = [];
let overdue: SlotClaim[] = [];
let liveness: Liveness;
let open: MessagePort[] = [];

const claimOf = (slot: number, generation = 1): SlotClaim => ({ slot, generation });

function channel(): MessageChannel {
  const made = new MessageChannel();
  open.push(made.port1, made.port2);
  return made;
}

beforeEach(() => {
  /* Each test its own lists: channels of the one before may still be closing. */
  const lists: { ended: SlotClaim[]; overdue: SlotClaim[] } = { ended: [], overdue: [] };
  ({ ended, overdue } = lists);
  open = [];
  liveness = new Liveness({
    ended: (claim) => lists.ended.push(claim),
    overdue: (claim) => lists.overdue.push(claim),
    told: () => {},
  });
});

afterEach(() => {
  for (const port of open) port.close();
});

describe('a thread with a channel', () => {
  test('has ended when its end is closed, and is not looked for', async () => {
    const { port1, port2 } = channel();
    liveness.watch(claimOf(3), port1);
    liveness.lookUp([{ claim: claimOf(3), osThreadId: NO_OS_THREAD }], 100 * S);
    expect(ended).toEqual([]);
    port2.close();
    await eventually('the end', () => ended.length === 1);
    expect(ended).toEqual([claimOf(3)]);
  });

  test('that has ended already is told of all the same', async () => {
    const { port1, port2 } = channel();
    port2.close();
    liveness.watch(claimOf(3), port1);
    await eventually('the end', () => ended.length === 1);
  });

  test("brings its own threads' channels, and theirs", async () => {
    const [main, worker, nested] = [channel(), channel(), channel()];
    liveness.watch(claimOf(0), main.port1);
    main.port2.postMessage({ claim: claimOf(1), port: worker.port1 }, [worker.port1]);
    worker.port2.postMessage({ claim: claimOf(2), port: nested.port1 }, [nested.port1]);
    nested.port2.close();
    await eventually('the end of the nested one', () => ended.length === 1);
    worker.port2.close();
    await eventually('the end of the other', () => ended.length === 2);
    expect(ended).toEqual([claimOf(2), claimOf(1)]);
  });

  test('that has sent a notice and died at once: both ends are told of', async () => {
    const [main, worker] = [channel(), channel()];
    liveness.watch(claimOf(0), main.port1);
    main.port2.postMessage({ claim: claimOf(1), port: worker.port1 }, [worker.port1]);
    main.port2.close();
    worker.port2.close();
    await eventually('both ends', () => ended.length === 2);
    expect(ended).toContainEqual(claimOf(0));
    expect(ended).toContainEqual(claimOf(1));
  });

  test.each([
    ['nothing', undefined],
    ['a text', 'notice'],
    ['no port', { claim: { slot: 1, generation: 1 } }],
    ['no claim', { port: 5 }],
    ['a slot there is not', { claim: { slot: SLOT_COUNT, generation: 1 }, port: {} }],
  ])('a notice of %s is none', async (_, notice) => {
    const [main, worker] = [channel(), channel()];
    liveness.watch(claimOf(0), main.port1);
    main.port2.postMessage(notice);
    main.port2.postMessage({ claim: claimOf(1), port: worker.port1 }, [worker.port1]);
    worker.port2.close();
    await eventually('the end of the other', () => ended.length === 1);
    expect(ended).toEqual([claimOf(1)]);
  });
});

describe('a thread without a channel', () => {
  const lookUp = (osThread: number, nowNs: number, claim = claimOf(5)): void =>
    liveness.lookUp([{ claim, osThreadId: osThread }], nowNs);

  test.runIf(process.platform === 'linux')('is looked up: this one lives, one that is not there has ended', () => {
    lookUp(osThreadId(), 100 * S);
    expect(ended).toEqual([]);
    lookUp(NO_OS_THREAD, 102 * S);
    expect(ended).toEqual([claimOf(5)]);
    expect(overdue).toEqual([]);
  });

  test('is looked up once a second', () => {
    lookUp(NO_OS_THREAD, 2 * S);
    lookUp(NO_OS_THREAD, 2.9 * S);
    lookUp(NO_OS_THREAD, 3.1 * S);
    expect(ended).toHaveLength(2);
  });

  test('and without an id of the kernel is overdue after half a minute of looks, which is no end', () => {
    for (let second = 1; second <= 31; second++) lookUp(0, second * S);
    expect(overdue).toEqual([]);
    lookUp(0, 32 * S);
    expect(overdue).toEqual([claimOf(5)]);
    expect(ended).toEqual([]);
  });

  test('is not overdue because nobody looked: the agent thread had no CPU either', () => {
    lookUp(0, S);
    lookUp(0, 100 * S);
    lookUp(0, 200 * S);
    expect(overdue).toEqual([]);
  });

  test('has it from the next life of its slot on', async () => {
    const { port1 } = channel();
    liveness.watch(claimOf(5, 2), port1);
    lookUp(NO_OS_THREAD, 2 * S, claimOf(5, 1));
    expect(ended).toEqual([claimOf(5, 1)]);
    lookUp(NO_OS_THREAD, 4 * S, claimOf(5, 2));
    expect(ended).toHaveLength(1);
  });
});
