/**
 * The receiving side of the ledger: what is written when a message reaches the program, and the context in which it does.
 *
 * Runs on application threads, at each delivery. The handlers are called once whatever happens, by Node's own dispatch, and what they do is theirs. It must not
 * throw, and looks at a message only where `receiveMessageOnPort` gave one whose entry names ports.
 */
import { isSlot, SLOT } from '../../shared-memory/layout.ts';
import { countDelivery, nextDelivery, readEntry, TakenEntry } from '../../shared-memory/ledger-entries.ts';
import { CHANNEL, DIRECTION, type MessageMemory } from '../../shared-memory/message-memory.ts';
import type { TraceIds } from '../../shared-memory/registry.ts';
import type { ContextScopes } from '../context/context-scope.ts';
import type { Recorder } from '../recorder.ts';
import type { Delivered } from './message-spans.ts';
import type { PortEnd, PortEnds } from './port-ends.ts';
import { portsInMessage } from './ports-in-message.ts';
import { addTo } from './sending.ts';
import { type ServedContext, ServedMessages } from './served-messages.ts';
import type { TaskCpu } from './task-cpu.ts';
import { takePorts } from './transfers.ts';

const NO_PORTS: readonly unknown[] = [];
const RECEIVING_PORTS = Symbol.for('nodejs.internal.kCurrentlyReceivingPorts');

export interface ReceivingSettings {
  readonly recorder: Recorder;
  readonly ends: PortEnds;
  readonly scopes: ContextScopes;
  readonly taskCpu: TaskCpu;
  readonly isOff: () => boolean;
}

export class Receiving {
  readonly #settings: ReceivingSettings;
  readonly #memory: MessageMemory;
  readonly #taken = new TakenEntry();
  readonly #messages: ServedMessages;
  /** Told of each port out of sight that `receiveMessageOnPort` was called with: it may be a broadcast channel. */
  onStrange: ((port: object) => void) | undefined;
  #received: TraceIds | undefined;
  /** The context of the message whose handlers run next, if it brought a task. */
  #task: TraceIds | undefined;
  /** The slot + 1 of who posted the message whose handlers run; 0 for none. */
  #servedSlot = 0;
  /** What the handlers of the message that was read last are to run in; undefined for no scope. */
  #scope: { readonly context: ServedContext } | undefined;

  constructor(settings: ReceivingSettings) {
    this.#settings = settings;
    this.#memory = settings.ends.memory;
    this.#messages = new ServedMessages(settings.recorder, settings.scopes);
  }

  /** The context that came with the message this thread took last. */
  get received(): TraceIds | undefined {
    return this.#received;
  }

  setReceived(context: TraceIds | undefined): void {
    this.#received = context;
  }

  /** Node's `threadId` of who posted the message whose handlers run now; -1 for none. */
  get servingThreadId(): number {
    const slot = this.#servedSlot - 1;
    const { memory } = this.#settings.recorder;
    return isSlot(slot) ? (memory.i32[memory.slotAt(slot, SLOT.THREAD_ID) >> 2] as number) : -1;
  }

  /**
   * Node delivers a message: reads what there is of it, and counts it. Gives back what `ended` is to be told once the handlers have returned; meanwhile
   * `isScoped` says whether they are to be called by `run`. Most are not: each call of ours is a frame in the stacks of the program's errors.
   */
  begins(port: object, type: string): number {
    const served = this.#servedSlot;
    const context = this.#read(port, type === 'messageerror');
    this.#scope = context === undefined && this.#settings.scopes.isClear ? undefined : { context };
    return served;
  }

  /** The port of that message is not followed. */
  isStrange = false;

  get isScoped(): boolean {
    return this.#scope !== undefined;
  }

  /** Calls the handlers in the scope of their message. */
  run(handlers: () => unknown): unknown {
    const context = this.#scope?.context;
    this.#scope = undefined;
    const { scopes, taskCpu } = this.#settings;
    /* Without scopes nobody would know a later post for the task's. */
    if (context !== undefined && context === this.#task && scopes.canActivate) taskCpu.serves(this.#task);
    return this.#messages.run(context, handlers);
  }

  ended(served: number): void {
    this.#servedSlot = served;
  }

  /** The context of a message that is delivered, as its handlers are to see it. */
  #read(port: object, isError: boolean): ServedContext {
    const { ends } = this.#settings;
    this.#servedSlot = 0;
    this.#received = undefined;
    this.#task = undefined;
    const end = ends.find(port);
    this.isStrange = end === undefined;
    if (end === undefined || !this.#take(port, end, undefined, isError)) return undefined;
    this.#servedSlot = this.#taken.senderSlot;
    const message = this.#count(end, isError);
    const source = this.#taken.hasContext ? this.#taken.context() : undefined;
    this.#received = source;
    if (!this.#taken.hasSpans) this.#task = source;
    return message === undefined || !this.#taken.hasSpans ? source : this.#messages.contextOf(message);
  }

  /** `receiveMessageOnPort` has taken a message, or thrown because it could not be read: it is not there any more. */
  took(port: object, result: { readonly message: unknown } | undefined): void {
    const end = this.#settings.ends.find(port);
    const isError = result === undefined;
    if (end === undefined) this.onStrange?.(port);
    if (end === undefined || !this.#take(port, end, result, isError)) {
      this.#received = undefined;
      return;
    }
    const message = this.#count(end, isError);
    this.#received = this.#taken.context();
    if (message !== undefined && this.#taken.hasSpans) this.#messages.tellIfSlow(message);
  }

  /** Reads the entry of a message that was delivered, or `polled`, and takes the ports it carried; false when the port is off. */
  #take(port: object, end: PortEnd, polled: { readonly message: unknown } | undefined, isError: boolean): boolean {
    const { ends } = this.#settings;
    const taken = this.#taken;
    if (!readEntry(this.#memory, end.receives, taken)) {
      ends.lose(port);
      return false;
    }
    if (taken.firstPort > 0) {
      const sequence = nextDelivery(this.#memory, end.receives);
      const ports =
        polled === undefined ? arrivingWith(port) : taken.hasSeveralPorts ? NO_PORTS : onlyOne(polled.message);
      takePorts(ends, end.receives, sequence, taken.firstPort, isError ? NO_PORTS : ports, isError);
    }
    countDelivery(this.#memory, end.receives);
    return true;
  }

  /** Adds up what was learnt of the message; undefined where nothing is to be said of it. */
  #count(end: PortEnd, isError: boolean): Delivered | undefined {
    const { recorder, isOff } = this.#settings;
    const { i32 } = this.#memory;
    const taken = this.#taken;
    if (isError) {
      const errorsAt = (this.#memory.directionAt(end.channel, 1 - end.end) + DIRECTION.RECEIVE_ERRORS) >> 2;
      i32[errorsAt] = ((i32[errorsAt] as number) + 1) | 0;
    }
    if (!(taken.isKnown && taken.postedNs > 0) || isOff()) return undefined;
    const transitNs = recorder.clock.nowNs() - taken.postedNs;
    addTo(this.#memory, this.#memory.transitAt(end.channel, 1 - end.end), transitNs);
    if (!taken.hasContext && !this.#messages.isSlow(transitNs)) return undefined;
    const at = this.#memory.channelAt(end.channel) >> 2;
    const portSlot = i32[at + (CHANNEL.PORT_SLOT >> 2)] as number;
    return {
      kind: 'message_port',
      direction: portSlot === 0 ? 'none' : end.end === 0 ? 'to_parent' : 'to_worker',
      nameNumber: i32[at + (CHANNEL.NAME >> 2)] as number,
      portSlot,
      portGeneration: i32[at + (CHANNEL.PORT_GENERATION >> 2)] as number,
      senderSlot: taken.senderSlot,
      depth: Math.max(0, taken.depth),
      sentNs: taken.postedNs,
      transitNs: Math.max(0, transitNs),
      context: taken.context(),
    };
  }
}

/** The ports of the message that Node is delivering, in the order of its transfer list. */
function arrivingWith(port: object): readonly unknown[] {
  const ports: unknown = Reflect.get(port, RECEIVING_PORTS);
  return Array.isArray(ports) ? (ports as unknown[]) : NO_PORTS;
}

/** The port of a message whose transfer list has one: where it shows others, nobody can tell which. */
function onlyOne(message: unknown): readonly unknown[] {
  const ports = portsInMessage(message);
  return ports.length === 1 ? ports : NO_PORTS;
}
