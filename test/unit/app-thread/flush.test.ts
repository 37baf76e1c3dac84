/** A flush as the thread that asks for it sees it. The handshake with the agent thread is explored in `shared-memory/model/`. */
import { beforeEach, describe, expect, test } from 'vitest';
import { flushBlocking, flushWaiting } from '../../../agent/app-thread/flush.ts';
import { AgentState, ControlMemory, HEADER } from '../../../agent/shared-memory/layout.ts';
import { eventually } from '../../support/eventually.ts';

/** Longer than any test takes. */
const FOR_EVER_MS = 60_000;

let memory: ControlMemory;
const load = (at: number): number => Atomics.load(memory.i32, at >> 2);
const store = (at: number, value: number): void => {
  Atomics.store(memory.i32, at >> 2, value);
  Atomics.notify(memory.i32, at >> 2);
};

beforeEach(() => {
  memory = ControlMemory.create(0);
  store(HEADER.AGENT_STATE, AgentState.DRAINING);
});

describe.each([
  ['flushBlocking', async (timeoutMs: number) => flushBlocking(memory, timeoutMs)],
  ['flushWaiting', async (timeoutMs: number) => flushWaiting(memory, timeoutMs)],
])('%s', (_, flush) => {
  test.each([AgentState.NONE, AgentState.FAILED])('in agent state %d nobody is asked', async (state) => {
    store(HEADER.AGENT_STATE, state);
    expect(await flush(FOR_EVER_MS)).toBe(false);
    expect(load(HEADER.FLUSH_REQUESTED)).toBe(0);
  });

  test('rings and asks, and gives up at its deadline', async () => {
    const startedMs = performance.now();
    expect(await flush(30)).toBe(false);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(29);
    expect(load(HEADER.FLUSH_REQUESTED)).toBe(1);
    expect(load(HEADER.DOORBELL)).toBe(1);
  });

  test.each([
    ['the next ticket', 4, 5, true],
    ['a later ticket', 4, 9, true],
    ['the ticket before', 4, 4, false],
    ['the ticket past the wrap-around', 0x7fffffff, -0x80000000, true],
    ['the ticket before the wrap-around', 0x7fffffff, 0x7fffffff, false],
    ['a later ticket past the wrap-around', 0x7ffffffe, -0x80000000, true],
  ])('%s as done: %d asked for, %d done: %j', async (__, requested, done, isReached) => {
    store(HEADER.FLUSH_REQUESTED, requested);
    store(HEADER.FLUSH_DONE, done);
    expect(await flush(10)).toBe(isReached);
  });
});

describe('flushWaiting', () => {
  test('resolves when it is answered, not by the answer to another', async () => {
    store(HEADER.FLUSH_REQUESTED, 1);
    let result: boolean | undefined;
    void flushWaiting(memory, FOR_EVER_MS).then((isDone) => (result = isDone));
    await eventually('the request', () => load(HEADER.FLUSH_REQUESTED) === 2);
    store(HEADER.FLUSH_DONE, 1);
    await new Promise(setImmediate);
    expect(result).toBeUndefined();
    store(HEADER.FLUSH_DONE, 2);
    await eventually('the result', () => result === true);
  });

  test('ends when the agent thread fails meanwhile', async () => {
    const result = flushWaiting(memory, FOR_EVER_MS);
    await eventually('the request', () => load(HEADER.FLUSH_REQUESTED) === 1);
    store(HEADER.AGENT_STATE, AgentState.FAILED);
    expect(await result).toBe(false);
  });

  test('goes on through a start of the agent thread anew', async () => {
    const result = flushWaiting(memory, FOR_EVER_MS);
    store(HEADER.AGENT_STATE, AgentState.STARTING);
    await new Promise(setImmediate);
    store(HEADER.AGENT_STATE, AgentState.DRAINING);
    store(HEADER.FLUSH_DONE, load(HEADER.FLUSH_REQUESTED));
    expect(await result).toBe(true);
  });
});
