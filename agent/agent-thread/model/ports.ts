/**
 * The ports of the program: reads the ledgers of their channels, and gives back those that nobody can use any more.
 *
 * Runs on the agent thread: `read` when a reader wants the numbers, `sweep` once a second, `end` as threads end. It must never throw, whatever shared memory says,
 * and never grow with the number of channels that ever were.
 */
import type { ControlMemory } from '../../shared-memory/layout.ts';
import { isOver, isOwnerAlive, isPoisoned } from '../../shared-memory/ledger.ts';
import { lifeOf, releaseChannels, scanChannels } from '../../shared-memory/ledger-sweep.ts';
import { CHANNEL, isChannel, type MessageMemory } from '../../shared-memory/message-memory.ts';
import type { SlotClaim } from '../../shared-memory/registry.ts';
import { PortDirection } from './port-direction.ts';
import type { QueueReader, QueueTotals } from './queue-totals.ts';

/** Channels come and go; those that are over cost their room until then. */
const SWEEP_INTERVAL_NS = 1e9;

export interface PortsSettings {
  readonly control: ControlMemory;
  readonly messages: MessageMemory;
  readonly totals: QueueTotals;
  /** The text of the number of a name. */
  readonly text: (number: number) => string;
  /** The `thread.name` of a thread that lives, or has lately; undefined for one that was not seen yet. */
  readonly threadName: (claim: SlotClaim) => string | undefined;
  /** Told of messages that found no room for what is known of them. */
  readonly onLost: (count: number) => void;
  /** Told of a channel whose ports were lost from sight: the name of its queue. */
  readonly onPoisoned: (queue: string) => void;
}

interface Channel {
  readonly life: number;
  readonly directions: readonly PortDirection[];
  isPoisoned: boolean;
}

export class Ports implements QueueReader {
  readonly #settings: PortsSettings;
  readonly #channels = new Map<number, Channel>();
  #poisoned = 0;
  #sweptNs = 0;

  constructor(settings: PortsSettings) {
    this.#settings = settings;
  }

  /** Ports that were lost from sight so far: theirs is off. */
  get poisonedPorts(): number {
    return this.#poisoned * 2;
  }

  read(nowNs: number): void {
    this.#sweep();
    for (const { directions, isPoisoned: isOff } of this.#channels.values())
      if (!isOff) for (const direction of directions) direction.look(nowNs);
  }

  /** To be called ten times a second. */
  sweep(nowNs: number): void {
    if (nowNs - this.#sweptNs < SWEEP_INTERVAL_NS) return;
    this.#sweptNs = nowNs;
    this.#sweep();
  }

  /** A thread has ended, and its slot is still its own: its own port is read while its name is known. */
  end({ slot }: SlotClaim): void {
    const { messages } = this.#settings;
    const channel = (messages.i32[messages.ownPortAt(slot) >> 2] as number) - 1;
    if (isChannel(channel)) this.#read(channel);
  }

  #sweep(): void {
    const { control, messages } = this.#settings;
    const isAlive = (word: number): boolean => isOwnerAlive(control, word);
    const over: number[] = [];
    scanChannels(messages, isAlive, (channel) => {
      /* Before it is read: what is over changes no more. */
      const isDone = isOver(messages, channel, isAlive);
      this.#read(channel);
      if (!isDone) return;
      this.#channels.delete(channel);
      over.push(channel);
    });
    if (over.length > 0) releaseChannels(messages, over);
  }

  #read(channel: number): void {
    const { messages } = this.#settings;
    const life = lifeOf(messages, channel);
    let known = this.#channels.get(channel);
    if (known?.life !== life) {
      const directions = this.#open(channel);
      if (directions === undefined) return;
      known = { life, directions, isPoisoned: false };
      this.#channels.set(channel, known);
    }
    if (!known.isPoisoned && isPoisoned(messages, channel)) {
      known.isPoisoned = true;
      this.#poisoned++;
      const [direction] = known.directions;
      if (direction !== undefined) this.#settings.onPoisoned(direction.queue);
    }
    for (const direction of known.directions) direction.read();
  }

  #open(channel: number): readonly PortDirection[] | undefined {
    const { messages, totals, text, threadName, onLost } = this.#settings;
    const { i32 } = messages;
    const at = messages.channelAt(channel) >> 2;
    const portSlot = i32[at + (CHANNEL.PORT_SLOT >> 2)] as number;
    const carriers = [channel << 1, (channel << 1) | 1];
    if (portSlot === 0) {
      const total = totals.of(text(i32[at + (CHANNEL.NAME >> 2)] as number), 'message_port');
      return carriers.map((carrier) => new PortDirection(messages, carrier, total, onLost));
    }
    const generation = i32[at + (CHANNEL.PORT_GENERATION >> 2)] as number;
    const name = threadName({ slot: portSlot - 1, generation });
    if (name === undefined) return undefined;
    return carriers.map(
      (carrier) =>
        new PortDirection(
          messages,
          carrier,
          totals.of(name, 'message_port', (carrier & 1) === 0 ? 'to_worker' : 'to_parent'),
          onLost,
        ),
    );
  }
}
