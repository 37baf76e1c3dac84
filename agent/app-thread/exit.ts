/**
 * Sees a thread's end in time to deliver what it recorded, without a listener that the program could count.
 *
 * Runs on application threads. `process.emit` becomes an own property: 'exit' is acted on after the program's own listeners have run, so that
 * their records are included. `process.reallyExit` covers `process.exit()` inside an exit listener; `process._kill`, a program that has handled a
 * signal and then dies of it, as frameworks do. Exit codes, signals and output stay the program's; no signal handler is installed unless the
 * configuration names the signal.
 */
import type { Worker } from 'node:worker_threads';
import { ExitKind, markExiting } from '../shared-memory/registry.ts';
import type { Recorder } from './recorder.ts';

/** Those that end a process by default, and that programs send themselves. */
const ENDING_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGKILL'] as const;

/** Node's, when a listener of 'uncaughtException' throws. */
const EXIT_CODE_HANDLER_THREW = 7;

export interface ExitSettings {
  readonly recorder: Recorder;
  /** Runs once, after the thread's last user code. */
  readonly atExit: () => void;
  /** The agent's own worker, about which the program's `process.on('worker')` hears nothing. */
  readonly hiddenWorker: () => Worker | undefined;
}

/** Begins to follow; gives back what ends it. */
export function followExit({ recorder, atExit, hiddenWorker }: ExitSettings): () => void {
  const { memory, claim, clock } = recorder;
  let kind: ExitKind = ExitKind.EXIT;
  let isDone = false;
  const exiting = (code: unknown): void => {
    if (isDone) return;
    isDone = true;
    try {
      markExiting(memory, claim, kind, Number(process.exitCode ?? code) | 0, clock.nowNs());
      atExit();
    } catch {
      /* The thread ends as it would have. */
    }
  };

  const emitBefore = process.emit;
  const { emit } = {
    emit(this: NodeJS.Process, event: unknown, ...args: unknown[]): boolean {
      const [argument] = args;
      if (event === 'worker' && argument !== undefined && argument === hiddenWorker()) return false;
      /* Node emits this for every uncaught error, whether or not anybody handles it. */
      if (event === 'uncaughtExceptionMonitor' && !process.hasUncaughtExceptionCaptureCallback())
        kind = ExitKind.UNCAUGHT;
      /* An error out of a listener of these two ends the process without another event. */
      let isEnding = this === process && (event === 'exit' || event === 'uncaughtException');
      try {
        const isHandled = Reflect.apply(emitBefore, this, [event, ...args]) as boolean;
        isEnding &&= event === 'exit';
        /* A program that has handled its error lives on, and ends in its own way. */
        if (event === 'uncaughtException' && isHandled) kind = ExitKind.EXIT;
        return isHandled;
      } finally {
        if (isEnding) exiting(event === 'exit' ? argument : EXIT_CODE_HANDLER_THREW);
      }
    },
  };
  const restoreEmit = replaceProperty(process, 'emit', emit, false);

  const reallyExitBefore = Reflect.get(process, 'reallyExit') as ((code?: unknown) => void) | undefined;
  const { reallyExit } = {
    reallyExit(this: unknown, ...args: unknown[]): void {
      exiting(args[0]);
      Reflect.apply(reallyExitBefore as () => void, this, args);
    },
  };
  const restoreReallyExit =
    typeof reallyExitBefore === 'function' ? replaceProperty(process, 'reallyExit', reallyExit, true) : undefined;

  const restoreKill = followKill(() => {
    try {
      /* Nothing is marked: the first process of a container survives what others die of. */
      atExit();
    } catch {
      /* The thread ends as it would have. */
    }
  });

  return () => {
    restoreEmit();
    restoreReallyExit?.();
    restoreKill?.();
  };
}

/** What `process.kill` calls, with numbers. */
function followKill(atKill: () => void): (() => void) | undefined {
  const killBefore = Reflect.get(process, '_kill') as ((pid: number, signal: number) => number) | undefined;
  if (typeof killBefore !== 'function') return undefined;
  const { _kill } = {
    _kill(this: unknown, ...args: [pid: number, signal: number]): number {
      const [pid, signal] = args;
      if (pid === process.pid && isFatal(signal)) atKill();
      return Reflect.apply(killBefore, this, args);
    },
  };
  return replaceProperty(process, '_kill', _kill, true);
}

/** True where the program has no listener for the signal, or none any more. */
function isFatal(number: number): boolean {
  const { signals } = process.getBuiltinModule('node:os').constants;
  const name = ENDING_SIGNALS.find((one) => signals[one] === number);
  return name !== undefined && process.listenerCount(name) === 0;
}

function replaceProperty(holder: object, key: string, value: unknown, enumerable: boolean): () => void {
  const before = Object.getOwnPropertyDescriptor(holder, key);
  Object.defineProperty(holder, key, { value, writable: true, enumerable, configurable: true });
  return () => {
    if (Reflect.get(holder, key) !== value) return;
    if (before === undefined) Reflect.deleteProperty(holder, key);
    else Object.defineProperty(holder, key, before);
  };
}

/**
 * Handles a signal that the configuration names: flush, then die of it as before. Where the program has a listener of its own for the signal, its
 * listener decides, and the flush is that of its exit.
 */
export function handleSignals(signals: readonly NodeJS.Signals[], flush: () => void): () => void {
  const handlers = signals.map((signal) => {
    const handler = (): void => {
      if (process.listenerCount(signal) > 1) return;
      flush();
      process.removeListener(signal, handler);
      process.kill(process.pid, signal);
    };
    process.on(signal, handler);
    return () => void process.removeListener(signal, handler);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}
