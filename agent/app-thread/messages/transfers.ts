/**
 * Ports that travel in messages: an entry names them in the order of the transfer list, so that the receiver knows which is which.
 *
 * Runs on application threads. It must never throw, and reads of a message only what the program has put into a transfer list.
 */
import { closeEnd, isCarriedBy, landEnd, launchEnd, poison } from '../../shared-memory/ledger.ts';
import { END, isChannel } from '../../shared-memory/message-memory.ts';
import { endNumber, PortEnd, type PortEnds } from './port-ends.ts';

const types = process.getBuiltinModule('node:util/types');
const { MessagePort } = process.getBuiltinModule('node:worker_threads');

const NONE: readonly object[] = [];

/**
 * The ports of the second argument of `postMessage`, in order. What could be read only by running code of the program's (an iterator, an accessor, a proxy) is
 * not looked at: such ports fall out of step, and are then off.
 */
export function portsIn(argument: unknown): readonly object[] {
  if (typeof argument !== 'object' || argument === null || types.isProxy(argument)) return NONE;
  const list: unknown = Array.isArray(argument)
    ? argument
    : Object.getOwnPropertyDescriptor(argument, 'transfer')?.value;
  if (!Array.isArray(list) || list.length === 0 || types.isProxy(list)) return NONE;
  const ports: object[] = [];
  for (const item of list as unknown[]) if (!types.isProxy(item) && item instanceof MessagePort) ports.push(item);
  return ports;
}

/** Whether the second argument of `postMessage` is a transfer list of nothing, which pools pass with each task. */
export function isEmptyList(argument: unknown): boolean {
  return Array.isArray(argument) && !types.isProxy(argument) && argument.length === 0;
}

/** Puts ports into the message that is posted next in a direction; the number of the first that is followed, 0 if none is. */
export function launchPorts(ends: PortEnds, ports: readonly object[], carrier: number, sequence: number): number {
  let next = 0;
  for (let position = ports.length - 1; position >= 0; position--) {
    const port = ports[position] as object;
    const end = ends.find(port);
    if (end === undefined) continue;
    /* A getter in a message of this port's own sends the port away: what becomes of that message nobody can say. */
    if (end.isPosting) {
      ends.lose(port);
      continue;
    }
    const carriage = { channel: carrier >> 1, direction: carrier & 1, sequence, next, position };
    launchEnd(ends.memory, end.at, ends.claim, carriage);
    next = endNumber(end);
  }
  return next;
}

/** The post has failed: the ports are still this thread's. */
export function landAll(ends: PortEnds, ports: readonly object[]): void {
  for (const port of ports) {
    const end = ends.find(port);
    if (end !== undefined) landEnd(ends.memory, end.at, ends.claim);
  }
}

/** The ports go where nobody follows them. */
export function loseAll(ends: PortEnds, ports: readonly object[]): void {
  for (const port of ports) ends.lose(port);
}

/** More ports than any message has; a list that was scribbled on may have no end. */
const MAX_PORTS = 4096;

/**
 * Takes the ports that came with a message: `ports` are those of its transfer list, in order. `isLost`: the message could not be read, and they are gone.
 */
export function takePorts(
  ends: PortEnds,
  carrier: number,
  sequence: number,
  firstPort: number,
  ports: readonly unknown[],
  isLost: boolean,
): void {
  const { memory } = ends;
  let number = firstPort;
  for (let count = 0; number > 0 && count < MAX_PORTS; count++) {
    const channel = (number - 1) >> 1;
    if (!isChannel(channel)) return;
    const end = new PortEnd(memory, channel, (number - 1) & 1, ends.claim);
    if (!isCarriedBy(memory, end.at, carrier, sequence)) return;
    const position = memory.i32[(end.at + END.POSITION) >> 2] as number;
    number = memory.i32[(end.at + END.NEXT) >> 2] as number;
    if (!landEnd(memory, end.at, ends.claim)) continue;
    const port = ports[position];
    if (port instanceof MessagePort) ends.set(port, end);
    else {
      if (!isLost) poison(memory, channel);
      closeEnd(memory, end.at);
    }
  }
}
