/** Messages of a fake child process, whose channel says how many bytes it could not write: counted by direction, and the program's calls are as they were. */
import { afterEach, expect, test, vi } from 'vitest';
import { followChildren } from '../../../../agent/app-thread/instrumentation/ipc.ts';
import { Recorder } from '../../../../agent/app-thread/recorder.ts';
import { ControlMemory } from '../../../../agent/shared-memory/layout.ts';
import { lookUpName } from '../../../../agent/shared-memory/names.ts';
import { QUEUE_CELL, scanQueueCells } from '../../../../agent/shared-memory/queue-cells.ts';
import { claimSlot } from '../../../../agent/shared-memory/registry.ts';

const handleSymbol = Symbol('kChannelHandle');

class FakeChild {
  connected = false;
  channel: object | null = null;
  readonly handle = { writeQueueSize: 0 };
  readonly sent: unknown[][] = [];
  declare send?: (...args: unknown[]) => boolean;

  spawn(options: { readonly ipc?: boolean; readonly envPairs?: readonly string[] }): number {
    if (options.ipc !== true) return 0;
    this.connected = true;
    this.channel = { [handleSymbol]: this.handle };
    this.send = function send(this: FakeChild, ...args: unknown[]): boolean {
      this.sent.push(args);
      if (args[0] === 'throws') throw new TypeError('of Node');
      if (args[0] === 'slow') this.handle.writeQueueSize += 100;
      return args[0] !== 'full';
    };
    return 0;
  }

  emit(_event: string, ..._args: unknown[]): boolean {
    return true;
  }
}

function setUp() {
  const memory = ControlMemory.create(0);
  const identity = { parentThreadId: 0, name: '', file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
  const claim = claimSlot(memory, identity);
  if (claim === undefined) expect.unreachable('no slot');
  const stop = followChildren(new Recorder(memory, claim), FakeChild.prototype);
  const counts = (): Record<string, number[]> => {
    const found: Record<string, number[]> = {};
    scanQueueCells(memory, (at, _owner, nameNumber, kind, direction) => {
      const fields = [QUEUE_CELL.ARRIVALS, QUEUE_CELL.COMPLETIONS, QUEUE_CELL.REJECTIONS, QUEUE_CELL.SIZE];
      const values = fields.map((field) => memory.i32[(at + field) >> 2] as number);
      found[`${kind} ${lookUpName(memory, nameNumber)} ${direction}`] = values;
    });
    return found;
  };
  return { stop, counts };
}

afterEach(() => {
  vi.useRealTimers();
});

test('what is sent and what arrives is counted, each way by itself; what Node sends itself is not', () => {
  const { stop, counts } = setUp();
  const child = new FakeChild();
  child.spawn({ ipc: true });
  expect(child.send?.('a', 'handle')).toBe(true);
  expect(child.send?.('full')).toBe(false);
  expect(() => child.send?.('throws')).toThrow('of Node');
  child.send?.({ cmd: 'NODE_HANDLE_ACK' });
  child.send?.({ cmd: 'of the program' });
  child.connected = false;
  child.send?.('late');
  child.emit('message', 'b');
  child.emit('internalMessage', {});
  expect(child.sent[0]).toEqual(['a', 'handle']);
  expect(counts()).toEqual({
    'ipc child_process to_worker': [3, 0, 1, 0],
    'ipc child_process to_parent': [0, 1, 0, 0],
  });
  stop();
  child.emit('message', 'c');
  expect(counts()['ipc child_process to_parent']).toEqual([0, 1, 0, 0]);
  expect(Object.getOwnPropertyNames(FakeChild.prototype).toSorted()).toEqual(['constructor', 'emit', 'spawn']);
});

test('a child without a channel stays as it is; one of cluster is named so', () => {
  const { counts } = setUp();
  const plain = new FakeChild();
  plain.spawn({});
  expect(Object.hasOwn(plain, 'send')).toBe(false);
  plain.emit('message', 'of the program');
  const ofCluster = new FakeChild();
  ofCluster.spawn({ ipc: true, envPairs: ['A=1', 'NODE_UNIQUE_ID=1'] });
  expect([ofCluster.send?.name, ofCluster.send?.length]).toEqual(['send', 0]);
  ofCluster.send?.('a');
  expect(counts()).toEqual({ 'ipc cluster to_worker': [1, 0, 0, 0] });
});

test('what could not be written waits until it is, be it that nobody sends any more', () => {
  vi.useFakeTimers();
  const { counts } = setUp();
  const child = new FakeChild();
  child.spawn({ ipc: true });
  const waiting = (): number | undefined => counts()['ipc child_process to_worker']?.[3];
  for (let n = 1; n <= 3; n++) child.send?.('slow');
  expect(waiting()).toBe(3);
  child.handle.writeQueueSize = 150;
  vi.advanceTimersByTime(100);
  expect(waiting()).toBe(1);
  child.channel = null;
  vi.advanceTimersByTime(100);
  expect([waiting(), vi.getTimerCount()]).toEqual([0, 0]);
});
