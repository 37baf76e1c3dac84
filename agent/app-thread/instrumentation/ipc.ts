/**
 * Messages between this process and its children, and its parent: how many, and how many wait to be written. Their context is the application's own affair.
 *
 * Runs on the main thread, from the first child process on, or from the start of a process that was forked. What `send` checks, returns and throws stays
 * Node's, and no listener is added: one of 'message' would keep the process alive.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { internName } from '../../shared-memory/names.ts';
import { claimQueueCell, type Direction, QUEUE_CELL, type QueueCell } from '../../shared-memory/queue-cells.ts';
import type { Recorder } from '../recorder.ts';
import { replaceMethod } from '../replace-method.ts';

const types = process.getBuiltinModule('node:util/types');

const MESSAGES = featureBits(['messages']);
/** How soon it is looked again at what could not be written at once: no event tells of it. */
const LOOK_MS = 100;

/** One end of a channel: a `ChildProcess`, or `process`. */
interface IpcEnd {
  readonly send?: unknown;
  readonly connected?: unknown;
  readonly channel?: object | null;
}

/** Counts what a forked process exchanges with its parent; gives back what ends it. */
export function followParent(recorder: Recorder): () => void {
  const name = process.env['NODE_UNIQUE_ID'] === undefined ? 'child_process' : 'cluster';
  const ipc = new Ipc(recorder, name);
  const steps = [ipc.followSend(process, 'to_parent'), ipc.followEmit(process, 'to_worker')];
  return () => {
    for (const step of steps) step?.();
    ipc.stop();
  };
}

/** Likewise for the children of this process, by the prototype of `ChildProcess`. */
export function followChildren(recorder: Recorder, prototype: object): () => void {
  const byName = new Map<string, Ipc>();
  const undo: (() => void)[] = [];
  const follow = (child: IpcEnd, options: unknown): void => {
    if (typeof child.send !== 'function') return;
    const { envPairs } = options as { readonly envPairs?: unknown };
    const isCluster = Array.isArray(envPairs) && envPairs.some((pair) => String(pair).startsWith('NODE_UNIQUE_ID='));
    const name = isCluster ? 'cluster' : 'child_process';
    let ipc = byName.get(name);
    if (ipc === undefined) byName.set(name, (ipc = new Ipc(recorder, name)));
    ipc.followSend(child, 'to_worker');
    received.set(child, ipc);
  };
  const received = new WeakMap<object, Ipc>();
  const steps = [
    replaceMethod(prototype, 'spawn', (original) => {
      return {
        method(this: object, ...args: unknown[]): unknown {
          const result = Reflect.apply(original, this, args);
          try {
            follow(this, args[0]);
          } catch {
            /* It is not as expected: it goes uncounted. */
          }
          return result;
        },
      }.method;
    }),
    replaceMethod(prototype, 'emit', (original) => {
      return {
        method(this: object, ...args: unknown[]): unknown {
          if (args[0] === 'message') received.get(this)?.arrived('to_parent');
          return Reflect.apply(original, this, args);
        },
      }.method;
    }),
  ];
  for (const step of steps) if (step !== undefined) undo.push(step);
  return () => {
    for (const step of undo) step();
    for (const ipc of byName.values()) ipc.stop();
  };
}

/** The channels of one name, in both directions. */
class Ipc {
  readonly #recorder: Recorder;
  readonly #nameNumber: number;
  readonly #cells = new Map<Direction, QueueCell | undefined>();
  readonly #unwritten = new Set<Unwritten>();
  #timer: NodeJS.Timeout | undefined;

  constructor(recorder: Recorder, name: string) {
    this.#recorder = recorder;
    this.#nameNumber = internName(recorder.memory, name);
  }

  followSend(end: IpcEnd, direction: Direction): (() => void) | undefined {
    const unwritten = new Unwritten(end);
    return replaceMethod(end, 'send', (original) => {
      const sent = this.#sent.bind(this);
      return {
        method(this: object, ...args: unknown[]): unknown {
          if (isInternal(args[0])) return Reflect.apply(original, this, args);
          const isConnected = end.connected === true;
          unwritten.before();
          const result = Reflect.apply(original, this, args);
          sent(direction, isConnected, unwritten);
          return result;
        },
      }.method;
    });
  }

  followEmit(end: object, direction: Direction): (() => void) | undefined {
    return replaceMethod(end, 'emit', (original) => {
      const arrived = this.arrived.bind(this, direction);
      return {
        method(this: object, ...args: unknown[]): unknown {
          if (args[0] === 'message' && this === end) arrived();
          return Reflect.apply(original, this, args);
        },
      }.method;
    });
  }

  arrived(direction: Direction): void {
    if (!this.#recorder.isOff(MESSAGES)) this.#cell(direction)?.add(QUEUE_CELL.COMPLETIONS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #sent(direction: Direction, isConnected: boolean, unwritten: Unwritten): void {
    const cell = this.#cell(direction);
    if (cell === undefined || this.#recorder.isOff(MESSAGES)) return;
    cell.add(isConnected ? QUEUE_CELL.ARRIVALS : QUEUE_CELL.REJECTIONS);
    cell.add(QUEUE_CELL.SIZE, unwritten.after());
    if (unwritten.count === 0) return;
    unwritten.cell = cell;
    this.#unwritten.add(unwritten);
    this.#timer ??= setTimeout(() => this.#look(), LOOK_MS).unref();
  }

  #look(): void {
    this.#timer = undefined;
    for (const unwritten of this.#unwritten) {
      unwritten.cell?.add(QUEUE_CELL.SIZE, unwritten.look());
      if (unwritten.count === 0) this.#unwritten.delete(unwritten);
    }
    if (this.#unwritten.size > 0) this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref();
  }

  #cell(direction: Direction): QueueCell | undefined {
    if (!this.#cells.has(direction)) {
      const { memory, claim } = this.#recorder;
      this.#cells.set(direction, claimQueueCell(memory, claim, this.#nameNumber, 'ipc', direction));
    }
    return this.#cells.get(direction);
  }
}

/** What the operating system has not taken of one channel yet: Node knows the bytes, and the messages are counted by theirs. */
class Unwritten {
  readonly #end: IpcEnd;
  readonly #sizes: number[] = [];
  #bytes = 0;
  cell: QueueCell | undefined;

  constructor(end: IpcEnd) {
    this.#end = end;
  }

  get count(): number {
    return this.#sizes.length;
  }

  before(): void {
    this.#bytes = this.#queuedBytes();
  }

  /** After a send: how many more messages, or fewer, wait than before. */
  after(): number {
    const { count } = this;
    const more = this.#queuedBytes() - this.#bytes;
    if (more > 0) this.#sizes.push(more);
    this.look();
    return this.count - count;
  }

  /** How many fewer wait than before: none, or a negative number. */
  look(): number {
    const { count } = this;
    const queued = this.#queuedBytes();
    let sum = this.#sizes.reduce((total, size) => total + size, 0);
    while (this.#sizes.length > 0 && sum > queued) sum -= this.#sizes.shift() as number;
    return this.count - count;
  }

  #queuedBytes(): number {
    const { channel } = this.#end;
    if (channel === undefined || channel === null) return 0;
    const symbol = Object.getOwnPropertySymbols(channel).find(({ description }) => description === 'kChannelHandle');
    const handle =
      symbol === undefined ? undefined : (Reflect.get(channel, symbol) as { writeQueueSize?: unknown } | null);
    return Number(handle?.writeQueueSize ?? 0);
  }
}

/** Whether it is Node's own, of cluster or of a handle. Nothing of the program's runs. */
function isInternal(message: unknown): boolean {
  if (typeof message !== 'object' || message === null || types.isProxy(message)) return false;
  const cmd: unknown = Object.getOwnPropertyDescriptor(message, 'cmd')?.value;
  return typeof cmd === 'string' && cmd.startsWith('NODE_');
}
