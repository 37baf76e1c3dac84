/**
 * The envelopes that Node puts around what `postMessageToThread` posts: their sender's context goes with them.
 *
 * Runs on application threads, for each such message, and on the main thread, which passes them on.
 *
 * Node posts `{type: 'sendMessageToWorker', destination, value, memory, ...}` to the main thread, which posts `{type: 'receiveMessageFromWorker', ...}` on to the
 * thread that is meant; both read the fields they know. Ours is added to each, by a `MessagePort.prototype.postMessage` that is there for the one post only.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { internName } from '../../shared-memory/names.ts';
import { claimQueueCell, QUEUE_CELL, type QueueCell } from '../../shared-memory/queue-cells.ts';
import type { ContextScopes } from '../context/context-scope.ts';
import type { Recorder } from '../recorder.ts';
import { type Method, replaceMethod } from '../replace-method.ts';
import { activeTraceIds } from '../trace-context.ts';
import type { Delivered } from './message-spans.ts';
import { ServedMessages } from './served-messages.ts';
import { type Stamp, stamp } from './stamped-message.ts';

const { prototype } = process.getBuiltinModule('node:worker_threads').MessagePort;

const NAME = 'postMessageToThread';
const TO_MAIN = 'sendMessageToWorker';
const TO_RECEIVER = 'receiveMessageFromWorker';
const MAIN_THREAD_ID = 0;
const MESSAGES = featureBits(['messages']);

export class Envelopes {
  readonly #recorder: Recorder;
  readonly #messages: ServedMessages;
  #nameNumber = 0;
  #cell: QueueCell | undefined;

  constructor(recorder: Recorder, scopes: ContextScopes) {
    this.#recorder = recorder;
    this.#messages = new ServedMessages(recorder, scopes);
  }

  post(call: () => unknown): unknown {
    const { clock, claim } = this.#recorder;
    const sender = { sentNs: clock.nowNs(), senderSlot: claim.slot + 1, context: activeTraceIds() };
    return postStamped(sender, () => this.#count(QUEUE_CELL.ARRIVALS), call);
  }

  /** An envelope has reached this thread, which passes it on or handles what is in it. */
  arrived(envelope: unknown, sender: Stamp, call: () => unknown): unknown {
    const { type, destination } = envelope as { readonly type?: unknown; readonly destination?: unknown };
    if (type === TO_MAIN && destination !== MAIN_THREAD_ID) return postStamped(sender, () => {}, call);
    if (type !== TO_MAIN && type !== TO_RECEIVER) return call();
    const message = this.#received(sender);
    return this.#messages.run(message === undefined ? sender.context : this.#messages.contextOf(message), call);
  }

  /** What is to be said of the message; undefined where that is nothing. */
  #received({ sentNs, senderSlot, context }: Stamp): Delivered | undefined {
    if (!this.#count(QUEUE_CELL.COMPLETIONS)) return undefined;
    const transitNs = Math.max(0, this.#recorder.clock.nowNs() - sentNs);
    this.#cell?.waits.record(transitNs);
    return {
      kind: 'message_port',
      direction: 'none',
      nameNumber: this.#nameNumber,
      portSlot: 0,
      portGeneration: 0,
      senderSlot,
      depth: 0,
      sentNs,
      transitNs,
      context,
    };
  }

  /** False while nothing is to be counted. */
  #count(field: number): boolean {
    const { memory, claim } = this.#recorder;
    if (this.#recorder.isOff(MESSAGES)) return false;
    if (this.#nameNumber === 0) {
      this.#nameNumber = internName(memory, NAME);
      this.#cell = claimQueueCell(memory, claim, this.#nameNumber, 'message_port');
    }
    this.#cell?.add(field);
    return true;
  }
}

/** Makes the one post that `call` leads to carry `sender`. Never throws anything but what `call` does. */
function postStamped(sender: Stamp, onPost: () => void, call: () => unknown): unknown {
  let isSeen = false;
  const restore = replacePost((original) => {
    return {
      method(this: object, ...args: unknown[]): unknown {
        if (isSeen || !isEnvelope(args[0])) return Reflect.apply(original, this, args);
        isSeen = true;
        stamp(args[0], sender);
        const result = Reflect.apply(original, this, args);
        onPost();
        return result;
      },
    }.method;
  });
  try {
    return call();
  } finally {
    restore?.();
  }
}

function replacePost(make: (original: Method) => Method): (() => void) | undefined {
  try {
    return replaceMethod(prototype, 'postMessage', make);
  } catch {
    /* The intrinsics are frozen: the message goes without. */
    return undefined;
  }
}

/** Whether it is Node's, which is what the first post of such a call brings: nothing of the program's has run until then. */
function isEnvelope(message: unknown): message is object {
  if (typeof message !== 'object' || message === null) return false;
  const { type, memory } = message as { readonly type?: unknown; readonly memory?: unknown };
  return (type === TO_MAIN || type === TO_RECEIVER) && memory instanceof SharedArrayBuffer;
}
