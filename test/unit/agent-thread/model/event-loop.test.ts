/** The agent's account of event loops, from beats and wait words written as their threads do. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { EventLoop, ThreadCpu } from '../../../../agent/agent-thread/model/event-loop.ts';
import { EventLoops } from '../../../../agent/agent-thread/model/event-loops.ts';
import { ControlMemory } from '../../../../agent/shared-memory/layout.ts';
import { LoopWriter } from '../../../../agent/shared-memory/loop-words.ts';
import { readWaitWord, WaitState, WaitWordWriter } from '../../../../agent/shared-memory/wait-word.ts';
import { collectFrom, type Written } from '../../../support/recording-sink.ts';

const SLOT_OF_THREAD = 2;
const S = 1e9;
const MS = 1e6;

let nowNs: number;
let memory: ControlMemory;
let loops: EventLoops;
let loop: EventLoop;
let writer: LoopWriter;
let waitWord: WaitWordWriter;
let cpu: { -readonly [K in keyof ThreadCpu]: ThreadCpu[K] };

beforeEach(() => {
  nowNs = 1 * S;
  memory = ControlMemory.create(0);
  loops = new EventLoops({
    memory,
    readWait: (slot, atNs) => readWaitWord(memory, slot, atNs),
    nowNs: () => nowNs,
  });
  cpu = { cpuNs: 0, sampledNs: 0, isAsleep: false };
  loop = loops.open(SLOT_OF_THREAD, 'worker-1', cpu);
  writer = new LoopWriter(memory, SLOT_OF_THREAD);
  waitWord = new WaitWordWriter(memory, SLOT_OF_THREAD);
  writer.start(nowNs);
});

function timeOf(written: Written, name = 'worker-1'): { active: number | undefined; idle: number | undefined } {
  const of = (state: string): number | undefined =>
    written[`nodejs.eventloop.time{thread.name=${name},nodejs.eventloop.state=${state}}`];
  return { active: of('active'), idle: of('idle') };
}

function gauge(written: Written, name: string): number | undefined {
  return written[`nodejs.eventloop.${name}{thread.name=worker-1}`];
}

/** The kernel is asked now. */
function sample(more: Partial<ThreadCpu>): void {
  Object.assign(cpu, { sampledNs: nowNs }, more);
  loops.look();
}

describe('EventLoops', () => {
  test('says nothing before the loop does', () => {
    nowNs = 60 * S;
    expect(collectFrom(loops)).toEqual({});
  });

  test('divides the time up to the last beat as the loop says', () => {
    writer.beat(5 * S, 3 * S, 0, 5.1 * S);
    nowNs = 5.05 * S;
    const written = collectFrom(loops);
    expect(timeOf(written)).toEqual({ active: 1 * S, idle: 3 * S });
    expect(gauge(written, 'utilization')).toBe(0.25);
  });

  test('a loop that is quiet has been idle since', () => {
    writer.beat(2 * S, 0.5 * S, 0, 0);
    nowNs = 12 * S;
    expect(timeOf(collectFrom(loops))).toEqual({ active: 0.5 * S, idle: 10.5 * S });
  });

  test('a loop that is overdue has been active since', () => {
    writer.beat(2 * S, 0, 0, 2.1 * S);
    nowNs = 12.1 * S;
    const written = collectFrom(loops);
    expect(timeOf(written)).toEqual({ active: 11 * S, idle: 0 });
    expect(gauge(written, 'utilization')).toBe(1);
    expect(gauge(written, 'delay.max')).toBe(10 * S);
  });

  test('a thread that uses the CPU after it became quiet deals with an event that has not ended', () => {
    writer.beat(2 * S, 1 * S, 0, 0);
    nowNs = 2.1 * S;
    sample({ cpuNs: 30 * MS, isAsleep: true });
    nowNs = 10 * S;
    sample({ cpuNs: 90 * MS, isAsleep: false });
    nowNs = 30 * S;
    sample({ cpuNs: 20_000 * MS, isAsleep: false });
    const written = collectFrom(loops);
    expect(timeOf(written)).toEqual({ active: 20 * S, idle: 9 * S });
    expect(gauge(written, 'delay.max')).toBe(20 * S);
    expect(loop.lateSinceNs(nowNs)).toBe(10 * S);
  });

  test('and is quiet again when it sleeps in its loop', () => {
    writer.beat(2 * S, 1 * S, 0, 0);
    nowNs = 2.1 * S;
    sample({ cpuNs: 30 * MS, isAsleep: true });
    nowNs = 10 * S;
    sample({ cpuNs: 90 * MS, isAsleep: false });
    nowNs = 11 * S;
    sample({ cpuNs: 92 * MS, isAsleep: true });
    nowNs = 22 * S;
    expect(timeOf(collectFrom(loops))).toEqual({ active: 62 * MS, idle: 21 * S - 62 * MS });
    expect(loop.lateSinceNs(nowNs)).toBeUndefined();
  });

  test('an idle pool is idle: parked time is not active, whether its loop turns or not', () => {
    writer.beat(1.2 * S, 0.1 * S, 0, 1.2 * S);
    waitWord.begin(WaitState.PARKED, 0, 1.2 * S);
    nowNs = 3601.2 * S;
    const written = collectFrom(loops);
    expect(timeOf(written)).toEqual({ active: 0.1 * S, idle: 3600.1 * S });
    expect(gauge(written, 'utilization')).toBeLessThan(0.001);
    expect(gauge(written, 'delay.max')).toBe(0);
    nowNs += 60 * S;
    expect(gauge(collectFrom(loops), 'delay.max')).toBeUndefined();
    expect(loop.lateSinceNs(nowNs)).toBeUndefined();
  });

  test('the tasks of such a pool are active', () => {
    writer.beat(1 * S, 0, 0, 1 * S);
    for (let task = 0; task < 10; task++) {
      waitWord.begin(WaitState.PARKED, 0, nowNs);
      nowNs += 0.9 * S;
      waitWord.end(nowNs);
      nowNs += 0.1 * S;
    }
    const written = collectFrom(loops);
    expect(timeOf(written).active).toBeCloseTo(1 * S, 0);
    expect(timeOf(written).idle).toBeCloseTo(9 * S, 0);
    expect(gauge(written, 'utilization')).toBeCloseTo(0.1, 6);
  });

  test('waiting for a lock is not idle', () => {
    writer.beat(1 * S, 0, 0, 1 * S);
    waitWord.begin(WaitState.WAITING_LOCK, 0, 1 * S);
    nowNs = 4 * S;
    expect(timeOf(collectFrom(loops))).toEqual({ active: 3 * S, idle: 0 });
  });

  test('counters never go back, whatever the next beat says', () => {
    writer.beat(2 * S, 1 * S, 0, 0);
    nowNs = 10 * S;
    expect(timeOf(collectFrom(loops))).toEqual({ active: 0, idle: 9 * S });
    writer.beat(11 * S, 2 * S, 0, 0);
    nowNs = 11 * S;
    expect(timeOf(collectFrom(loops))).toEqual({ active: 8 * S, idle: 9 * S });
  });

  test('counters of a name run on over the threads that bear it', () => {
    writer.beat(3 * S, 1 * S, 0, 3 * S);
    nowNs = 3 * S;
    loops.close(loop, nowNs);
    expect(timeOf(collectFrom(loops))).toEqual({ active: 1 * S, idle: 1 * S });
    loops.open(SLOT_OF_THREAD + 1, 'worker-1', cpu);
    const next = new LoopWriter(memory, SLOT_OF_THREAD + 1);
    next.start(4 * S);
    next.beat(5 * S, 0.5 * S, 0, 5 * S);
    nowNs = 5 * S;
    expect(timeOf(collectFrom(loops))).toEqual({ active: 1.5 * S, idle: 1.5 * S });
  });

  test('delays are those of the interval, idle time included', () => {
    writer.delay(300 * MS);
    writer.delay(280 * MS);
    writer.beat(3 * S, 1 * S, 0, 3.1 * S);
    nowNs = 3 * S;
    const written = collectFrom(loops);
    expect(gauge(written, 'delay.max')).toBe(300 * MS);
    expect(gauge(written, 'delay.min')).toBe(0);
    expect(gauge(written, 'delay.p50')).toBe(0);
    expect(gauge(written, 'delay.mean')).toBeCloseTo((580 * MS) / 52, 0);
    writer.beat(4 * S, 2 * S, 0, 4.1 * S);
    nowNs = 4 * S;
    expect(gauge(collectFrom(loops), 'delay.max')).toBe(0);
  });

  test('two readers, one after the other, are told the same', () => {
    writer.delay(300 * MS);
    writer.beat(3 * S, 1 * S, 0, 3.1 * S);
    nowNs = 3 * S;
    const first = collectFrom(loops);
    nowNs += 1 * MS;
    expect(gauge(collectFrom(loops), 'delay.max')).toBe(gauge(first, 'delay.max'));
    expect(gauge(collectFrom(loops), 'utilization')).toBe(gauge(first, 'utilization'));
  });
});
