/**
 * The doors through which messages and ports pass, replaced so that the ledger sees them: `MessageChannel`, three methods of `MessagePort.prototype`,
 * `receiveMessageOnPort`, `moveMessagePortToContext`, `structuredClone`.
 *
 * Runs on application threads. What is replaced looks the same from outside, and does what it did. Own properties of `MessagePort.prototype` alone are set, never of
 * `EventTarget.prototype`, which every `EventTarget` of the program would pay for.
 *
 * Node hands each message to `port[kHybridDispatch]`, whichever way the program listens. `emit` and `dispatchEvent` end there too, and are no deliveries: the one is
 * told apart by a flag, the other by its third argument.
 */
import type { ControlMemory } from '../../shared-memory/layout.ts';
import { internName } from '../../shared-memory/names.ts';
import { syncBuiltinExports } from '../builtin-exports.ts';
import { callSiteOf } from '../call-site.ts';
import type { PortEnds } from '../messages/port-ends.ts';
import type { Receiving } from '../messages/receiving.ts';
import type { Sending } from '../messages/sending.ts';
import { loseAll, portsIn } from '../messages/transfers.ts';
import { type Method, replaceMethod } from '../replace-method.ts';
import { replaceClass } from './replace-class.ts';
import type { ThreadMessageDoor } from './thread-messages.ts';

const workerThreads = process.getBuiltinModule('node:worker_threads') as Record<string, unknown> &
  typeof import('node:worker_threads');

const DISPATCH = Symbol.for('nodejs.internal.kHybridDispatch');

const NO_PORTS: readonly unknown[] = [];

export interface MessagingSettings {
  readonly control: ControlMemory;
  readonly ends: PortEnds;
  readonly sending: Sending;
  readonly receiving: Receiving;
  readonly serverOf: ThreadMessageDoor['serverOf'] | undefined;
}

/** Replaces them; gives back what restores them. Throws where Node has no such dispatch, or where one of them cannot be replaced: then none is. */
export function patchMessaging(settings: MessagingSettings): () => void {
  const { prototype } = workerThreads.MessagePort;
  if (typeof Reflect.get(prototype, DISPATCH) !== 'function')
    throw new Error('this Node does not say when it delivers a message');
  const undo: (() => void)[] = [];
  const restore = (): void => {
    for (const step of undo.toReversed()) step();
    syncBuiltinExports();
  };
  const replace = (holder: object, name: PropertyKey, make: (original: Method) => Method): void => {
    const step = replaceMethod(holder, name, make);
    if (step !== undefined) undo.push(step);
  };
  try {
    patchPrototype(settings, replace);
    patchFunctions(settings, replace);
    undo.push(patchMessageChannel(settings));
    syncBuiltinExports();
  } catch (error) {
    restore();
    throw error;
  }
  return restore;
}

type Replace = (holder: object, name: PropertyKey, make: (original: Method) => Method) => void;

function patchPrototype({ ends, sending, receiving, serverOf }: MessagingSettings, replace: Replace): void {
  const { prototype } = workerThreads.MessagePort;
  /** The port whose `emit` was called and has not yet come to the dispatch. */
  let emitting: object | undefined;
  replace(
    prototype,
    'emit',
    (original) =>
      ({
        emit(this: object, ...args: unknown[]): unknown {
          const before = emitting;
          emitting = this;
          try {
            return Reflect.apply(original, this, args);
          } finally {
            emitting = before;
          }
        },
      }).emit,
  );
  replace(
    prototype,
    'postMessage',
    (original) =>
      ({
        postMessage(this: object, ...args: unknown[]): unknown {
          return sending.post(this, args, original);
        },
      }).postMessage,
  );
  replace(
    prototype,
    DISPATCH,
    (original) =>
      ({
        dispatch(this: object, data: unknown, type: unknown, event: unknown): unknown {
          const isEmitted = emitting === this;
          if (isEmitted) emitting = undefined;
          if (isEmitted || event !== undefined || (type !== 'message' && type !== 'messageerror')) {
            if (type === 'close' && isCloseEvent(event)) ends.closed(this);
            return original.call(this, data, type, event);
          }
          const served = receiving.begins(this, type);
          try {
            const serve = receiving.isStrange && type === 'message' ? serverOf?.(data) : undefined;
            if (serve !== undefined) return serve(() => original.call(this, data, type, undefined));
            if (receiving.isScoped) return receiving.run(() => original.call(this, data, type, undefined));
            return original.call(this, data, type, undefined);
          } finally {
            receiving.ended(served);
          }
        },
      }).dispatch,
  );
}

/** Node's own, when the port is closed; a program can dispatch others of the type. */
function isCloseEvent(event: unknown): boolean {
  return (event as { constructor?: { name?: unknown } } | undefined)?.constructor?.name === 'MessagePortCloseEvent';
}

function patchFunctions({ ends, receiving }: MessagingSettings, replace: Replace): void {
  replace(
    workerThreads,
    'receiveMessageOnPort',
    (original) =>
      /* Not a method: Node's has a prototype of its own. */
      function receiveMessageOnPort(this: unknown, ...args: unknown[]): unknown {
        const port = args[0] as object;
        let result: unknown;
        try {
          result = Reflect.apply(original, this, args);
        } catch (error) {
          if (isFollowable(port)) receiving.took(port, undefined);
          throw error;
        }
        if (result !== undefined) receiving.took(port, result as { message: unknown });
        return result;
      },
  );
  replace(
    workerThreads,
    'moveMessagePortToContext',
    (original) =>
      ({
        moveMessagePortToContext(this: unknown, ...args: unknown[]): unknown {
          const result = Reflect.apply(original, this as object, args);
          if (isFollowable(args[0])) ends.lose(args[0]);
          return result;
        },
      }).moveMessagePortToContext,
  );
  replace(
    globalThis,
    'structuredClone',
    (original) =>
      /* Not a method: Node's has a prototype of its own. */
      function structuredClone(this: unknown, ...args: unknown[]): unknown {
        const ports = args.length > 1 ? portsIn(args[1]) : NO_PORTS;
        const result = Reflect.apply(original, this as object, args);
        if (ports.length > 0) loseAll(ends, ports as readonly object[]);
        return result;
      },
  );
}

function isFollowable(port: unknown): port is object {
  return typeof port === 'object' && port !== null;
}

function patchMessageChannel({ control, ends }: MessagingSettings): () => void {
  const folder = process.cwd();
  return replaceClass('MessageChannel', (make, _, shown) => {
    const channel = make() as InstanceType<typeof import('node:worker_threads').MessageChannel>;
    try {
      const site = callSiteOf(shown, folder, true);
      ends.open(
        channel.port1,
        channel.port2,
        internName(control, site === '' ? 'MessageChannel' : `MessageChannel@${site}`),
      );
    } catch {
      /* The channel is not followed. */
    }
    return channel;
  });
}
