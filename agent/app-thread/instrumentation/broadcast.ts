/**
 * Broadcast channels: how many messages are posted and delivered, by name. Receivers disagree on the order of several senders, so neither transit nor context can be told.
 *
 * Runs on application threads. What Node checks, throws and returns stays Node's, and a message is never looked at.
 */
import { featureBits } from '../../config/feature-bits.ts';
import { internName } from '../../shared-memory/names.ts';
import { claimQueueCell, QUEUE_CELL, type QueueCell } from '../../shared-memory/queue-cells.ts';
import type { Recorder } from '../recorder.ts';
import { replaceMethod } from '../replace-method.ts';

const { BroadcastChannel } = process.getBuiltinModule('node:worker_threads');
const MESSAGES = featureBits(['messages']);
/** Names beyond these are counted together: they are the program's, and may be anything. */
const MAX_NAMES = 100;
const OTHER = 'BroadcastChannel@_OTHER';

/** Replaces two methods of `BroadcastChannel`; gives back what restores them. */
export function followBroadcasts(recorder: Recorder): () => void {
  const { prototype } = BroadcastChannel;
  const cells = new Map<string, QueueCell | undefined>();
  const nameOf = Object.getOwnPropertyDescriptor(prototype, 'name')?.get;
  const count = (channel: object, field: number): void => {
    try {
      if (nameOf === undefined || recorder.isOff(MESSAGES)) return;
      cellOf(recorder, cells, String(Reflect.apply(nameOf, channel, [])))?.add(field);
    } catch {
      /* It is none: Node has said so. */
    }
  };
  const steps = [
    replaceMethod(prototype, 'postMessage', (original) => {
      return {
        method(this: object, ...args: unknown[]): unknown {
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
  return () => {
    for (const step of steps) step?.();
  };
}

function cellOf(
  { memory, claim }: Recorder,
  cells: Map<string, QueueCell | undefined>,
  channelName: string,
): QueueCell | undefined {
  const shown = `BroadcastChannel@${channelName.replaceAll(/\d+/g, '*')}`;
  const name = cells.has(shown) || cells.size < MAX_NAMES ? shown : OTHER;
  if (!cells.has(name)) cells.set(name, claimQueueCell(memory, claim, internName(memory, name), 'broadcast'));
  return cells.get(name);
}
