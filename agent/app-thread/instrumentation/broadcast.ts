/**
 * Broadcast channels: how many messages are posted and delivered, by name; and, with one sending member, the rest (`messages/broadcast-members.ts`). Receivers disagree on
 * the order of several senders, so of those neither transit nor context can be told.
 *
 * Runs on application threads. What Node checks, throws and returns stays Node's, and a message is never looked at.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { internName } from '../../shared-memory/names.ts';
import { claimQueueCell, QUEUE_CELL } from '../../shared-memory/queue-cells.ts';
import { findMessageLink } from '../message-link.ts';
import { BroadcastMembers, type NamedCell } from '../messages/broadcast-members.ts';
import type { Recorder } from '../recorder.ts';
import { replaceMethod } from '../replace-method.ts';

const { BroadcastChannel } = process.getBuiltinModule('node:worker_threads');
const MESSAGES = featureBits(['messages']);
/** Names beyond these are counted together: they are the program's, and may be anything. */
const MAX_NAMES = 100;
const OTHER = 'BroadcastChannel@_OTHER';

export interface Broadcasts {
  /** Has Node make a channel of this name. */
  readonly join: (name: unknown, make: () => object) => object;
  readonly stop: () => void;
}

/** Replaces two methods of `BroadcastChannel`. */
export function followBroadcasts(recorder: Recorder): Broadcasts {
  const { prototype } = BroadcastChannel;
  const cells = new Map<string, NamedCell>();
  const named = (channelName: string): NamedCell => cellOf(recorder, cells, channelName);
  const isOff = (): boolean => recorder.isOff(MESSAGES);
  const seam = findMessageLink()?.broadcasts;
  const members = seam === undefined ? undefined : new BroadcastMembers({ recorder, seam, isOff, named });
  const nameOf = Object.getOwnPropertyDescriptor(prototype, 'name')?.get;
  const nameIn = (channel: object): string | undefined => {
    try {
      return nameOf === undefined ? undefined : String(Reflect.apply(nameOf, channel, []));
    } catch {
      /* It is none: Node says so. */
      return undefined;
    }
  };
  const count = (channel: object, field: number): void => {
    const name = isOff() ? undefined : nameIn(channel);
    if (name !== undefined) named(name).cell?.add(field);
  };
  const steps = [
    replaceMethod(prototype, 'postMessage', (original) => {
      return {
        method(this: object, ...args: unknown[]): unknown {
          if (members !== undefined && nameIn(this) !== undefined) members.posting(this);
          const result = Reflect.apply(original, this, args);
          count(this, QUEUE_CELL.ARRIVALS);
          return result;
        },
      }.method;
    }),
    /* Inherited: deliveries reach the channel as events. */
    replaceMethod(prototype, 'dispatchEvent', (original) => {
      return {
        method(this: object, ...args: unknown[]): unknown {
          const type = args[0] instanceof Event ? args[0].type : '';
          if (type === 'message') count(this, QUEUE_CELL.COMPLETIONS);
          else if (type === 'messageerror') count(this, QUEUE_CELL.ERRORS);
          return Reflect.apply(original, this, args);
        },
      }.method;
    }),
  ];
  return {
    join: (name, make) => (members === undefined ? make() : members.join(name, make)),
    stop: () => {
      for (const step of steps) step?.();
    },
  };
}

function cellOf({ memory, claim }: Recorder, cells: Map<string, NamedCell>, channelName: string): NamedCell {
  const shown = `BroadcastChannel@${channelName.replaceAll(/\d+/g, '*')}`;
  const name = cells.has(shown) || cells.size < MAX_NAMES ? shown : OTHER;
  const found = cells.get(name);
  if (found !== undefined) return found;
  const nameNumber = internName(memory, name);
  const made = { nameNumber, cell: claimQueueCell(memory, claim, nameNumber, 'broadcast') };
  cells.set(name, made);
  return made;
}
