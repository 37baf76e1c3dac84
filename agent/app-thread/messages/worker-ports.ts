/**
 * The ports that a new worker has from its beginning: its own, and those of the transfer list of `new Worker`. They travel in Node's start message, beside the
 * spawn ticket, which names them.
 *
 * Runs on application threads: the first half inside `new Worker`, the second in the worker, before its first line. It must never throw.
 */
import type { MessagePort } from 'node:worker_threads';
import { closeEnd, EndState, ownerWord } from '../../shared-memory/ledger.ts';
import { END } from '../../shared-memory/message-memory.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import { endNumber, type PortEnd, type PortEnds } from './port-ends.ts';

/** A port in a ticket: it is the same object as in `workerData`. */
export interface TicketPort {
  readonly port: MessagePort;
  readonly number: number;
}

/** What a ticket says of ports. */
export interface TicketPorts {
  /** The number of the worker's own port's end; 0: it is not followed. */
  readonly ownPort: number;
  readonly ports: readonly TicketPort[];
}

export const NO_TICKET_PORTS: TicketPorts = { ownPort: 0, ports: [] };

/** Ports on their way to a worker. */
export interface WorkerPorts {
  readonly ticket: TicketPorts;
  /** The start message could not be posted: the ports are still this thread's. */
  takeBack(): void;
  /** The worker exists, and its own port's other end is this. */
  opened(port: object | undefined): void;
}

/**
 * Gives ports to a worker. `mayName`: false where no port may stand in the ticket, because code of the program's runs in the worker before it is taken; then
 * those of the transfer list are lost when the start message is posted.
 */
export function giveToWorker(
  ends: PortEnds,
  worker: SlotClaim,
  transferred: readonly object[],
  mayName: boolean,
): WorkerPorts {
  const { memory } = ends;
  const own = ends.openFor(worker);
  const given: { port: object; end: PortEnd; before: number }[] = [];
  for (const port of mayName ? transferred : []) {
    const end = ends.find(port);
    if (end === undefined || end.isPosting || given.some((one) => one.port === port)) continue;
    given.push({ port, end, before: Atomics.load(memory.i32, (end.at + END.WORD) >> 2) });
    /* Not in flight: the worker has it from the start, and if it never starts, its slot is given back. */
    Atomics.store(memory.i32, (end.at + END.WORD) >> 2, ownerWord(worker, EndState.OPEN));
    ends.forget(port);
  }
  return {
    ticket: {
      ownPort: own === undefined ? 0 : endNumber(own) + 1,
      ports: given.map(({ port, end }) => ({ port: port as MessagePort, number: endNumber(end) })),
    },
    takeBack: () => {
      for (const { port, end, before } of given) {
        Atomics.store(memory.i32, (end.at + END.WORD) >> 2, before);
        ends.set(port, end);
      }
      if (own !== undefined) closeEnd(memory, own.at);
    },
    opened: (port) => {
      if (own === undefined) return;
      if (port === undefined) closeEnd(memory, own.at);
      else ends.set(port, own);
    },
  };
}

/** Takes the ports that the ticket of this thread names. */
export function takeFromTicket(ends: PortEnds, ticket: TicketPorts, parentPort: object | null): void {
  if (parentPort !== null && ticket.ownPort > 0) ends.adopt(parentPort, ticket.ownPort);
  for (const { port, number } of ticket.ports) ends.adopt(port, number);
}
