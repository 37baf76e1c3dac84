/**
 * A thread's end as `process` announces it, with a `process.emit` and a `process.reallyExit` that only take notes: what is
 * said of the end, when, and what of it the program can see.
 */
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { followExit } from '../../../agent/app-thread/exit.ts';
import { Recorder } from '../../../agent/app-thread/recorder.ts';
import { ControlMemory, SlotPhase } from '../../../agent/shared-memory/layout.ts';
import {
  attachSlot,
  claimSlot,
  ExitKind,
  markRunning,
  readSlot,
  type SlotSnapshot,
} from '../../../agent/shared-memory/registry.ts';

const REPLACED = ['emit', 'reallyExit'] as const;
const before = REPLACED.map((key) => Object.getOwnPropertyDescriptor(process, key));

let memory: ControlMemory;
let steps: unknown[] = [];
let listener: (event: unknown) => boolean = () => true;
let restore = (): void => {};
const hiddenWorker = {} as Worker;

/** Sends an event the way Node does. */
const emit = (event: string, ...args: unknown[]): boolean =>
  Reflect.apply(process.emit as unknown as () => boolean, process, [event, ...args]);
const reallyExit = (code?: number): void =>
  Reflect.apply(Reflect.get(process, 'reallyExit') as () => void, process, [code]);

function ending(): SlotSnapshot {
  const slot = readSlot(memory, 0);
  if (slot === undefined) expect.unreachable('no slot');
  return slot;
}

function follow(atExit: () => void = () => steps.push('flush')): void {
  memory = ControlMemory.create(0);
  const claim = claimSlot(memory, {
    parentThreadId: 0,
    name: '',
    file: '',
    nowNs: 1,
    spawnContext: undefined,
    spawnSite: '',
  });
  if (claim === undefined) expect.unreachable('no slot');
  attachSlot(memory, claim, 0, 1);
  markRunning(memory, claim, 2);
  restore = followExit({ recorder: new Recorder(memory, claim), atExit, hiddenWorker: () => hiddenWorker });
}

beforeEach(() => {
  steps = [];
  listener = () => true;
  Object.defineProperty(process, 'emit', {
    value: (event: unknown, ...args: unknown[]) => {
      steps.push([event, ...args]);
      return listener(event);
    },
    writable: true,
    configurable: true,
  });
  Object.defineProperty(process, 'reallyExit', {
    value: (code: unknown) => steps.push(['reallyExit', code]),
    writable: true,
    enumerable: true,
    configurable: true,
  });
});

afterEach(() => {
  restore();
  for (const [i, key] of REPLACED.entries()) {
    const descriptor = before[i];
    if (descriptor === undefined) Reflect.deleteProperty(process, key);
    else Object.defineProperty(process, key, descriptor);
  }
  process.exitCode = undefined;
});

describe('an end', () => {
  test("is told of, and flushed, after the program's own listeners", () => {
    follow();
    emit('exit', 0);
    expect(steps).toEqual([['exit', 0], 'flush']);
    expect(ending()).toMatchObject({ phase: SlotPhase.EXITING, exitKind: ExitKind.EXIT, exitCode: 0 });
    expect(ending().endedNs).toBeGreaterThan(0);
  });

  test('has the code that the listeners have left', () => {
    follow();
    listener = () => {
      process.exitCode = 4;
      return true;
    };
    emit('exit', 0);
    expect(ending().exitCode).toBe(4);
  });

  test('by exit() inside an exit listener is told of once, before Node ends', () => {
    follow();
    listener = (event) => {
      if (event === 'exit') reallyExit(9);
      return true;
    };
    emit('exit', 0);
    expect(steps).toEqual([['exit', 0], 'flush', ['reallyExit', 9]]);
    expect(ending().exitCode).toBe(9);
  });

  test('stays what it was when something of ours throws', () => {
    follow(() => {
      throw new Error('ours');
    });
    expect(emit('exit', 3)).toBe(true);
    reallyExit(3);
    expect(steps).toEqual([
      ['exit', 3],
      ['reallyExit', 3],
    ]);
  });

  test("by an error out of an exit listener is told of, and the error is the program's", () => {
    follow();
    listener = () => {
      throw new Error('of the program');
    };
    expect(() => emit('exit', 0)).toThrow('of the program');
    expect(steps).toEqual([['exit', 0], 'flush']);
  });
});

describe('an uncaught error', () => {
  const uncaught = (isHandled: boolean): void => {
    listener = (event) => event === 'uncaughtException' && isHandled;
    emit('uncaughtExceptionMonitor', new Error('of the program'), 'uncaughtException');
    emit('uncaughtException', new Error('of the program'), 'uncaughtException');
  };

  test('that nobody handles is how the thread ended', () => {
    follow();
    uncaught(false);
    emit('exit', 1);
    expect(ending()).toMatchObject({ exitKind: ExitKind.UNCAUGHT, exitCode: 1 });
  });

  test('that is handled is none: the thread ends later, in its own way', () => {
    follow();
    uncaught(true);
    emit('exit', 0);
    expect(ending()).toMatchObject({ exitKind: ExitKind.EXIT, exitCode: 0 });
  });

  test('that is handled does not hide one that is not', () => {
    follow();
    uncaught(true);
    uncaught(false);
    emit('exit', 1);
    expect(ending().exitKind).toBe(ExitKind.UNCAUGHT);
  });

  test('whose handler ends the thread is how it ended', () => {
    follow();
    listener = (event) => {
      if (event === 'uncaughtException') emit('exit', 1);
      return event === 'uncaughtException';
    };
    emit('uncaughtExceptionMonitor', new Error('of the program'), 'uncaughtException');
    emit('uncaughtException', new Error('of the program'), 'uncaughtException');
    expect(ending()).toMatchObject({ exitKind: ExitKind.UNCAUGHT, exitCode: 1 });
  });

  test('that a capture callback takes is none', () => {
    follow();
    process.setUncaughtExceptionCaptureCallback(() => {});
    try {
      emit('uncaughtExceptionMonitor', new Error('of the program'), 'uncaughtException');
    } finally {
      process.setUncaughtExceptionCaptureCallback(null);
    }
    emit('exit', 0);
    expect(ending().exitKind).toBe(ExitKind.EXIT);
  });

  test('whose handler throws ends the process without another event: it is told of all the same', () => {
    follow();
    emit('uncaughtExceptionMonitor', new Error('of the program'), 'uncaughtException');
    listener = () => {
      throw new Error('again');
    };
    expect(() => emit('uncaughtException', new Error('of the program'), 'uncaughtException')).toThrow('again');
    expect(ending()).toMatchObject({ exitKind: ExitKind.UNCAUGHT, exitCode: 7 });
    expect(steps.at(-1)).toBe('flush');
  });
});

describe('what the program sees', () => {
  test("the agent's own worker is not announced, others are", () => {
    follow();
    const other = {};
    expect(emit('worker', hiddenWorker)).toBe(false);
    expect(emit('worker', other)).toBe(true);
    expect(steps).toEqual([['worker', other]]);
  });

  test('arguments, results and the receiver of other events are its own', () => {
    follow();
    listener = () => false;
    expect(emit('anything', 1, 2, 3)).toBe(false);
    expect(steps).toEqual([['anything', 1, 2, 3]]);
  });

  test('an exit of something else that borrows emit is no end', () => {
    follow();
    Reflect.apply(process.emit as unknown as () => boolean, {}, ['exit', 0]);
    expect(steps).toEqual([['exit', 0]]);
    expect(ending().phase).toBe(SlotPhase.RUNNING);
  });

  test('afterwards everything is as it was, unless somebody else has replaced it since', () => {
    const [emitBefore, exitBefore] = REPLACED.map((key) => Object.getOwnPropertyDescriptor(process, key));
    follow();
    expect(Object.getOwnPropertyDescriptor(process, 'emit')?.enumerable).toBe(false);
    restore();
    expect(Object.getOwnPropertyDescriptor(process, 'emit')).toEqual(emitBefore);
    expect(Object.getOwnPropertyDescriptor(process, 'reallyExit')).toEqual(exitBefore);
    follow();
    const theirs = (): boolean => true;
    Object.defineProperty(process, 'emit', { value: theirs, configurable: true, writable: true });
    restore();
    expect(Reflect.get(process, 'emit')).toBe(theirs);
  });
});
