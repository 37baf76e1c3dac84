/**
 * What the patches of pools and queues need of the message ledger: found by a symbol on the global that the preload sets, because they are a file of their own
 * (`queue-patches.ts`).
 *
 * Runs on application threads. Nothing here may throw anything but what `fn` throws.
 */
import type { MessageMemory } from '../shared-memory/message-memory.ts';
import type { TraceIds } from '../shared-memory/registry.ts';
import type { ContextScopes } from './context/context-scope.ts';
import type { OutgoingContext } from './messages/outgoing-context.ts';
import type { Receiving } from './messages/receiving.ts';

const LINK = Symbol.for('gridwatch.messages');
const LINK_VERSION = 3;

export interface MessageLink {
  readonly version: number;
  /** What `fn` posts carries this context as it is, and has no spans of its own: the context is a task's, whose span tells of the way. */
  postAs<T>(context: TraceIds | undefined, fn: () => T): T;
  /** The context that came with the message this thread took last, whether it was delivered or taken by `receiveMessageOnPort`; undefined without one. */
  received(): TraceIds | undefined;
  /** Node's `threadId` of who posted the message whose handlers run now, in their synchronous part; -1 outside of that, and where it is not known. */
  servingThreadId(): number;
  /**
   * Runs `fn`, and all that it begins, with a span of these ids active, or, without ids, with none that came with a message before; without a context manager
   * `fn` is merely called.
   */
  runWith<T>(context: TraceIds | undefined, fn: () => T): T;
  /** Runs `fn`, which is the work on the task whose span this is, and all that it begins, with that span active; and tells what it has used of the CPU. */
  runTask<T>(task: TraceIds, fn: () => T): T;
  /** For broadcast channels. */
  readonly broadcasts?: BroadcastSeam | undefined;
}

/** What broadcast channels have of the ledger of ports. */
export interface BroadcastSeam {
  readonly memory: MessageMemory;
  readonly outgoing: Pick<OutgoingContext, 'words'>;
  readonly scopes: ContextScopes;
  readonly receiving: Pick<Receiving, 'onStrange' | 'setReceived'>;
}

const holder = globalThis as { [LINK]?: MessageLink };

export function findMessageLink(): MessageLink | undefined {
  const link = holder[LINK];
  return link?.version === LINK_VERSION ? link : undefined;
}

/** Sets what the other patches find, or takes it away. */
export function setMessageLink(link: Omit<MessageLink, 'version'> | undefined): void {
  if (link === undefined) Reflect.deleteProperty(globalThis, LINK);
  else
    Object.defineProperty(globalThis, LINK, {
      value: { ...link, version: LINK_VERSION },
      configurable: true,
      enumerable: false,
    });
}
