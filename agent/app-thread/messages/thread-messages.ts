/**
 * The message ledger of one thread: its parts, and what other parts of the agent need of it.
 *
 * Runs on application threads, once a thread.
 */
import { featureBits } from '../../config/feature-bits.ts';
import type { MessageMemory } from '../../shared-memory/message-memory.ts';
import { addUnseen, expectVouching, vouch } from '../../shared-memory/vouching.ts';
import type { ContextScopes } from '../context/context-scope.ts';
import { patchMessaging } from '../instrumentation/messaging.ts';
import type { ThreadMessageDoor } from '../instrumentation/thread-messages.ts';
import { setMessageLink } from '../message-link.ts';
import type { Recorder } from '../recorder.ts';
import type { SpawnMessages } from '../spawn.ts';
import type { Context } from '../trace-context.ts';
import { OutgoingContext } from './outgoing-context.ts';
import { PortEnds } from './port-ends.ts';
import { Receiving } from './receiving.ts';
import { Sending } from './sending.ts';
import { TaskCpu } from './task-cpu.ts';
import { giveToWorker, type TicketPorts, takeFromTicket } from './worker-ports.ts';

export interface ThreadMessagesSettings {
  readonly recorder: Recorder;
  readonly memory: MessageMemory;
  readonly scopes: ContextScopes & { readonly context?: Context | undefined };
  /** Of messages at ports that the ledger does not know; absent where none of them are followed. */
  readonly serverOf?: ThreadMessageDoor['serverOf'] | undefined;
  /** What the ticket of a worker says of ports; undefined on the main thread. */
  readonly ports: TicketPorts | undefined;
}

export interface ThreadMessages {
  /** For `new Worker`. */
  readonly spawning: SpawnMessages;
  readonly stop: () => void;
}

/** Begins to follow the ports of this thread. Throws where Node has no place at which deliveries are seen, and where the intrinsics are frozen. */
export function followMessages({ recorder, memory, scopes, ports, serverOf }: ThreadMessagesSettings): ThreadMessages {
  const bits = featureBits(['messages']);
  const isOff = (): boolean => recorder.isOff(bits);
  const ends = new PortEnds(memory, recorder.memory, recorder.claim);
  const taskCpu = new TaskCpu(recorder);
  const outgoing = new OutgoingContext(scopes, (spanId) => taskCpu.posts(spanId));
  const sending = new Sending({ ends, outgoing, nowNs: () => recorder.clock.nowNs(), isOff });
  const receiving = new Receiving({ recorder, ends, scopes, taskCpu, isOff });
  const unpatch = patchMessaging({ control: recorder.memory, ends, sending, receiving, serverOf });
  setMessageLink({
    postAs: (context, fn) => outgoing.postAs(context, fn),
    received: () => receiving.received,
    servingThreadId: () => receiving.servingThreadId,
    runWith: (context, fn) => scopes.run(context, fn),
    runTask: (task, fn) => taskCpu.measure(task, () => scopes.run(task, fn)),
    broadcasts: { memory, outgoing, scopes, receiving },
  });
  if (ports !== undefined) takeFromTicket(ends, ports, process.getBuiltinModule('node:worker_threads').parentPort);
  return {
    spawning: {
      buffer: memory.buffer,
      starting: (canVouch) => addUnseen(memory, canVouch ? 1 : 2),
      vouch: () => (ports === undefined ? addUnseen(memory, -1) : vouch(memory, recorder.claim)),
      give: (worker, transferred, mayName) => {
        expectVouching(memory, worker, mayName ? 1 : 2);
        return giveToWorker(ends, worker, transferred, mayName);
      },
    },
    stop: () => {
      addUnseen(memory, 1);
      setMessageLink(undefined);
      unpatch();
    },
  };
}
