/**
 * The threads under observation, from the words of their slots to what the agent thread is told of them: every life opens
 * once, starts once and ends once, and its slot is given back clear.
 */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Dispatch } from '../../../agent/agent-thread/dispatch.ts';
import type { LockDeath } from '../../../agent/agent-thread/lock-death.ts';
import type { EventLoops } from '../../../agent/agent-thread/model/event-loops.ts';
import type { GcTotals } from '../../../agent/agent-thread/model/gc.ts';
import type { Heaps } from '../../../agent/agent-thread/model/heaps.ts';
import type { ThreadTable } from '../../../agent/agent-thread/model/threads.ts';
import { ObservedThreads } from '../../../agent/agent-thread/threads.ts';
import { ControlMemory, SLOT, SlotPhase } from '../../../agent/shared-memory/layout.ts';
import { RecordKind } from '../../../agent/shared-memory/records.ts';
import {
  attachSlot,
  claimSlot,
  ExitKind,
  markExiting,
  markRunning,
  readSlot,
  type SlotClaim,
  scanSlots,
} from '../../../agent/shared-memory/registry.ts';
import { RingWriter } from '../../../agent/shared-memory/ring-writer.ts';

const S = 1e9;
let memory = ControlMemory.create(0);
let clockNs = 0;
let told: string[] = [];
/** Slots whose threads' locks were swept, and whether they were still their own. */
let swept: [slot: number, isOwn: boolean][] = [];
/** The same of threads whose queues were read a last time. */
let queuesRead: [slot: number, isOwn: boolean][] = [];
/** Slots whose threads are remembered. */
let remembered: number[] = [];
let threads: ObservedThreads;

const openThread = ({ name, role }: { name: string; role: string }): { name: string; info: { threadId: number } } => {
  told.push(`open ${role} ${name}`);
  return { name, info: { threadId: 0 } };
};

function ownership({ slot, generation }: SlotClaim): [slot: number, isOwn: boolean] {
  return [slot, readSlot(memory, slot)?.generation === generation];
}

function observe(): ObservedThreads {
  const tell = (text: string): void => void told.push(text);
  const table = {
    open: openThread,
    attached: (entry: { name: string }, threadId: number, osThreadId: number) =>
      tell(`attached ${entry.name} ${threadId} ${osThreadId}`),
  };
  const gcTotals = {
    open: (_: unknown, slot: number) => ({ slot }),
    close: ({ slot }: { slot: number }) => tell(`gc of slot ${slot} closed`),
  };
  const dispatch = {
    record: (_: unknown, { startNs }: { startNs: number }) => tell(`record ${startNs}`),
    dropped: (kind: string, count: number) => tell(`dropped ${kind} ${count}`),
    started: ({ entry }: { entry: { name: string } }) => tell(`started ${entry.name}`),
    ended: ({ entry }: { entry: { name: string } }, { exitKind }: { exitKind: number }) =>
      tell(`ended ${entry.name} ${exitKind}`),
    drained: () => {},
    gcSuspended: () => tell('gc suspended'),
    contextLost: (reason: string) => tell(`context lost ${reason}`),
  };
  /* Their words are read elsewhere; here it only matters that they are opened and closed. */
  const opened = { open: () => ({}), close: () => {} };
  return new ObservedThreads({
    memory,
    table: table as unknown as ThreadTable,
    gcTotals: gcTotals as unknown as GcTotals,
    loops: opened as unknown as EventLoops,
    heaps: opened as unknown as Heaps,
    dispatch: dispatch as unknown as Dispatch,
    queues: { end: (ended) => void queuesRead.push(ownership(ended)) },
    recent: { end: ({ claim: { slot } }) => void remembered.push(slot) },
    lockDeath: {
      end: ({ claim: ended }: { claim: SlotClaim }) => void swept.push(ownership(ended)),
    } as unknown as LockDeath,
    nowNs: () => ++clockNs,
  });
}

/** What was told since the last call. */
function take(): string[] {
  const taken = told;
  told = [];
  return taken;
}

function claim(name: string): SlotClaim {
  const identity = { parentThreadId: 0, file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
  const claimed = claimSlot(memory, { ...identity, name });
  if (claimed === undefined) expect.unreachable('no slot');
  return claimed;
}

function slotsInUse(): number[] {
  const slots: number[] = [];
  scanSlots(memory, (slot) => slots.push(slot));
  return slots;
}

beforeEach(() => {
  memory = ControlMemory.create(0);
  clockNs = 3600 * S;
  told = [];
  swept = [];
  queuesRead = [];
  remembered = [];
  threads = observe();
  claim('main');
  threads.drain(1);
  take();
});

test('the locks of a thread are swept, and its queues are read, while its slot is still its own', () => {
  const worker = claim('worker');
  attachSlot(memory, worker, 12, 345);
  markRunning(memory, worker, 3);
  threads.drain(3);
  threads.end(worker, 4);
  expect(swept).toEqual([[worker.slot, true]]);
  expect(queuesRead).toEqual([[worker.slot, true]]);
  expect(remembered).toEqual([worker.slot]);
  expect(readSlot(memory, worker.slot)).toBeUndefined();
});

test('all threads are known before the records of one are read, which may name others', () => {
  const worker = claim('worker');
  attachSlot(memory, worker, 12, 345);
  new RingWriter(memory, 0).offer(RecordKind.GC, 0, 5, 1, undefined);
  threads.drain(7);
  expect(take()).toEqual(['open worker worker', 'attached worker 12 345', 'record 5']);
  expect(threads.get(worker.slot)?.claim).toEqual(worker);
  expect(threads.get(worker.slot + 1)).toBeUndefined();
});

test('what threads tell while the agent thread stands still between two of them is believed', () => {
  const worker = claim('worker');
  attachSlot(memory, worker, 12, 345);
  new RingWriter(memory, worker.slot).offer(RecordKind.GC, 0, 3 * S, S, undefined);
  threads.drain(2 * S);
  expect(take()).toEqual(['open worker worker', 'attached worker 12 345', `record ${3 * S}`]);
});

describe('a life', () => {
  test('opens at its claim, starts with user code, ends once, and leaves its slot free', () => {
    const worker = claim('worker');
    threads.drain(2);
    expect(take()).toEqual(['open worker worker']);
    attachSlot(memory, worker, 12, 345);
    threads.drain(3);
    expect(take()).toEqual(['attached worker 12 345']);
    markRunning(memory, worker, 4);
    threads.drain(5);
    threads.drain(6);
    expect(take()).toEqual(['attached worker 12 345', 'started worker']);
    new RingWriter(memory, worker.slot).offer(RecordKind.GC, 0, 5, 1, undefined);
    threads.drain(7);
    expect(take()).toEqual(['record 5']);
    markExiting(memory, worker, ExitKind.UNCAUGHT, 1, 8);
    threads.end(worker, 9);
    threads.end(worker, 10);
    expect(take()).toEqual(['attached worker 12 345', `gc of slot ${worker.slot} closed`, 'ended worker 2']);
    expect(slotsInUse()).toEqual([0]);
    expect([...threads]).toHaveLength(1);
  });

  test('that was over before it was looked at is told of whole', () => {
    const worker = claim('short');
    attachSlot(memory, worker, 12, 345);
    markRunning(memory, worker, 2);
    new RingWriter(memory, worker.slot).offer(RecordKind.GC, 0, 3, 1, undefined);
    markExiting(memory, worker, ExitKind.EXIT, 0, 4);
    threads.end(worker, 5);
    expect(take()).toEqual([
      'open worker short',
      'attached short 12 345',
      'started short',
      'record 3',
      'gc of slot 1 closed',
      'ended short 1',
    ]);
  });

  test('of another generation is not ended in its place', () => {
    const first = claim('first');
    threads.drain(2);
    threads.end(first, 3);
    const second = claim('second');
    expect(second.slot).toBe(first.slot);
    threads.drain(4);
    take();
    threads.end(first, 5);
    expect(take()).toEqual([]);
    expect(readSlot(memory, second.slot)?.name).toBe('second');
  });

  test('that an agent thread before this one has known opens anew, without the records drained by then', () => {
    const worker = claim('worker');
    attachSlot(memory, worker, 12, 345);
    markRunning(memory, worker, 2);
    const writer = new RingWriter(memory, worker.slot);
    writer.offer(RecordKind.GC, 0, 3, 1, undefined);
    threads.drain(4);
    take();
    writer.offer(RecordKind.GC, 0, 5, 1, undefined);
    threads = observe();
    threads.drain(6);
    expect(take()).toEqual([
      'open main main',
      'open worker worker',
      'attached worker 12 345',
      'started worker',
      'record 5',
    ]);
  });
});

describe('a thread that may only be slow', () => {
  test('is given up when it has not attached, and does not get its slot any more', () => {
    const worker = claim('slow');
    threads.drain(2);
    threads.giveUp(worker, 40 * S);
    expect(take()).toEqual(['open worker slow', 'attached slow -1 0', 'gc of slot 1 closed', 'ended slow 0']);
    expect(attachSlot(memory, worker, 12, 345)).toBe(false);
    expect(slotsInUse()).toEqual([0]);
  });

  test('is not given up when it has attached after all', () => {
    const worker = claim('slow');
    threads.drain(2);
    take();
    attachSlot(memory, worker, 12, 345);
    threads.giveUp(worker, 40 * S);
    expect(take()).toEqual([]);
    expect(readSlot(memory, worker.slot)?.phase).toBe(SlotPhase.ATTACHED);
  });
});

describe('R4: a claim that was never completed', () => {
  const stateAt = (): number => memory.slotAt(1, SLOT.STATE) >> 2;
  const CLAIMING = (7 << 8) | SlotPhase.CLAIMING;
  beforeEach(() => void (memory.i32[stateAt()] = CLAIMING));

  test('is taken back ten seconds later', () => {
    for (let atNs = S; atNs <= 11 * S; atNs += S / 10) threads.drain(atNs);
    expect(memory.i32[stateAt()]).toBe(CLAIMING);
    threads.drain(11.2 * S);
    expect(memory.i32[stateAt()]).toBe((7 << 8) | SlotPhase.FREE);
    expect(take()).toEqual([]);
  });

  test('is not taken back because the process was stopped for an hour', () => {
    threads.drain(S);
    threads.drain(3600 * S);
    threads.drain(3600.1 * S);
    expect(memory.i32[stateAt()]).toBe(CLAIMING);
  });

  test('and then was completed is no different from others', () => {
    threads.drain(S);
    memory.i32[stateAt()] = (7 << 8) | SlotPhase.CLAIMED;
    threads.drain(20 * S);
    expect(take()).toEqual(['open worker ']);
    memory.i32[stateAt()] = (8 << 8) | SlotPhase.CLAIMING;
    threads.drain(20.1 * S);
    expect(memory.i32[stateAt()]).toBe((8 << 8) | SlotPhase.CLAIMING);
  });
});

test('whatever happens in whatever order, each life opens once and ends once, and no slot is lost', () => {
  const action = fc.record({
    what: fc.constantFrom('claim', 'attach', 'run', 'record', 'exit', 'die', 'give up', 'drain'),
    which: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      memory = ControlMemory.create(0);
      threads = observe();
      take();
      const living: { claim: SlotClaim; name: string; writer?: RingWriter }[] = [];
      const ended: string[] = [];
      let nowNs = 1;
      for (const { what, which } of actions) {
        nowNs += S / 10;
        const thread = living[which % Math.max(1, living.length)];
        if (what === 'claim') living.push({ claim: claim(`t${nowNs}`), name: `t${nowNs}` });
        else if (what === 'drain') threads.drain(nowNs);
        else if (thread === undefined) continue;
        else if (what === 'attach' && attachSlot(memory, thread.claim, which, which + 1))
          thread.writer = new RingWriter(memory, thread.claim.slot);
        else if (what === 'run' && thread.writer) markRunning(memory, thread.claim, nowNs);
        else if (what === 'record') thread.writer?.offer(RecordKind.GC, 0, nowNs, 1, undefined);
        else if (what === 'exit' && thread.writer) markExiting(memory, thread.claim, ExitKind.EXIT, 0, nowNs);
        else if (what === 'die' || (what === 'give up' && !thread.writer)) {
          if (what === 'die') threads.end(thread.claim, nowNs);
          else threads.giveUp(thread.claim, nowNs);
          living.splice(living.indexOf(thread), 1);
          ended.push(thread.name);
        } else if (what === 'give up') threads.giveUp(thread.claim, nowNs);
      }
      threads.drain(nowNs + 1);
      const opened = told.filter((text) => text.startsWith('open ')).map((text) => text.split(' ')[2]);
      expect(new Set(opened).size).toBe(opened.length);
      expect(new Set(opened)).toEqual(new Set([...living.map(({ name }) => name), ...ended]));
      expect(told.filter((text) => text.startsWith('ended ')).map((text) => text.split(' ')[1])).toEqual(ended);
      expect(slotsInUse()).toEqual(living.map(({ claim: { slot } }) => slot).toSorted((a, b) => a - b));
    }),
    { numRuns: 60 },
  );
});
