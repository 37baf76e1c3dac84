/**
 * The broadcast channels of one thread, as members of their names: what is written beside a post, and the context in which a message is delivered.
 *
 * Runs on application threads. What Node checks, throws and returns stays Node's, its functions are called once, and a message is never looked at. It must not throw.
 *
 * A `BroadcastChannel` has a port of its own, under a symbol of Node's: it posts by the `postMessage` of that, and Node delivers to the hook of that. Both are own
 * properties there, so that nothing which the program dispatches or overrides on the channel itself counts.
 */
import {
  beginPost,
  blockOf,
  endPost,
  isBlockPoisoned,
  maySend,
  nextMember,
  poisonBlock,
  postsBegun,
  postsThrough,
  readBroadcast,
} from '../../shared-memory/broadcast-words.ts';
import { TakenEntry } from '../../shared-memory/ledger-entries.ts';
import type { MessageMemory } from '../../shared-memory/message-memory.ts';
import type { QueueCell } from '../../shared-memory/queue-cells.ts';
import { addUnseen, isAnyUnseen } from '../../shared-memory/vouching.ts';
import type { BroadcastSeam } from '../message-link.ts';
import type { Recorder } from '../recorder.ts';
import type { Method } from '../replace-method.ts';
import { ServedMessages } from './served-messages.ts';

const DISPATCH = Symbol.for('nodejs.internal.kHybridDispatch');

/** What a thread counts of a name. */
export interface NamedCell {
  readonly nameNumber: number;
  readonly cell: QueueCell | undefined;
}

export interface MembersSettings {
  readonly recorder: Recorder;
  readonly seam: BroadcastSeam;
  readonly isOff: () => boolean;
  readonly named: (channelName: string) => NamedCell;
}

/** One broadcast channel of this thread. */
interface Member {
  readonly at: number;
  readonly named: NamedCell;
  /** Its number, once it has posted. */
  number: number;
  isPosting: boolean;
  /** The sequence of the message that it receives next; undefined when that is not known, and then for good. */
  next: number | undefined;
}

export class BroadcastMembers {
  readonly #settings: MembersSettings;
  readonly #memory: MessageMemory;
  /** By channel, and by its port. */
  readonly #members = new WeakMap<object, Member>();
  readonly #taken = new TakenEntry();
  readonly #messages: ServedMessages;
  readonly #deliver = Reflect.get(EventTarget.prototype, DISPATCH) as Method;

  constructor(settings: MembersSettings) {
    this.#settings = settings;
    this.#memory = settings.seam.memory;
    this.#messages = new ServedMessages(settings.recorder, settings.seam.scopes);
    settings.seam.receiving.onStrange = (port) => {
      /* Messages were taken out of its queue. */
      const member = this.#members.get(port);
      if (member !== undefined) member.next = undefined;
    };
  }

  /** Has Node make a channel; a `name` that is no string is turned into one by Node alone. */
  join<T extends object>(name: unknown, make: () => T): T {
    const at = typeof name === 'string' ? blockOf(this.#memory, name) : -1;
    const through = at < 0 ? 0 : postsThrough(this.#memory, at);
    const channel = make();
    try {
      this.#joined(channel, at, through);
    } catch {
      this.#lose();
    }
    return channel;
  }

  /** A channel is about to post: one that was made before its class was ours is out of sight. */
  posting(channel: object): void {
    if (!this.#members.has(channel)) this.#lose();
  }

  #lose(): void {
    addUnseen(this.#memory, 1);
  }

  #joined(channel: object, at: number, through: number): void {
    const name = String(Reflect.get(channel, 'name'));
    const blockAt = blockOf(this.#memory, name);
    const isKnown = at === blockAt && postsBegun(this.#memory, at) === through;
    const port = portOf(channel);
    const named = this.#settings.named(name);
    const member: Member = { at: blockAt, named, number: 0, isPosting: false, next: isKnown ? through : undefined };
    const { post, dispatch } = this.#doors(member, port);
    define(port, 'postMessage', post);
    define(port, DISPATCH, dispatch);
    this.#members.set(port, member);
    this.#members.set(channel, member);
  }

  #doors(member: Member, port: object): { readonly post: Method; readonly dispatch: Method } {
    const members = this;
    const post = Reflect.get(port, 'postMessage') as Method;
    const other = Reflect.get(port, DISPATCH) as Method;
    return {
      post(this: object, ...args: unknown[]): unknown {
        return members.#post(member, () => Reflect.apply(post, this, args));
      },
      dispatch(this: object, ...args: unknown[]): unknown {
        const [, type, event] = args;
        if (event !== undefined || (type !== 'message' && type !== 'messageerror'))
          return Reflect.apply(other, this, args);
        return members.#receive(member, () => Reflect.apply(members.#deliver, this, args));
      },
    };
  }

  #post(member: Member, call: () => unknown): unknown {
    const memory = this.#memory;
    const { at } = member;
    /* What a getter in a message posts comes first, and this one's number is its: too rare to be told apart. */
    if (member.isPosting) poisonBlock(memory, at);
    if (member.number === 0) member.number = nextMember(memory);
    if (!maySend(memory, at, member.number)) return call();
    const { recorder, seam, isOff } = this.#settings;
    const postedNs = isOff() ? 0 : recorder.clock.nowNs();
    const context = postedNs === 0 ? undefined : seam.outgoing.words(postedNs);
    beginPost(memory, at, postedNs === 0 ? undefined : { postedNs, context, senderSlot: recorder.claim.slot + 1 });
    member.isPosting = true;
    let isPosted = false;
    try {
      const result = call();
      /* Undefined: Node has posted nothing, and will say so. */
      isPosted = result !== undefined;
      return result;
    } finally {
      member.isPosting = false;
      endPost(memory, at, isPosted);
    }
  }

  #receive(member: Member, call: () => unknown): unknown {
    const transitNs = this.#take(member);
    const taken = this.#taken;
    const context = transitNs < 0 ? undefined : taken.context();
    this.#settings.seam.receiving.setReceived(context);
    if (transitNs < 0 || !taken.hasSpans) return this.#messages.run(context, call);
    const message = {
      kind: 'broadcast',
      direction: 'none',
      nameNumber: member.named.nameNumber,
      portSlot: 0,
      portGeneration: 0,
      senderSlot: taken.senderSlot,
      depth: 0,
      sentNs: taken.postedNs,
      transitNs,
      context,
    } as const;
    return this.#messages.run(this.#messages.contextOf(message), call);
  }

  /** Counts a message, and reads its entry; gives back how long it was on its way, -1 where that is not known. */
  #take(member: Member): number {
    const memory = this.#memory;
    const { at, next } = member;
    if (next === undefined) return -1;
    member.next = (next + 1) | 0;
    if (isAnyUnseen(memory) || isBlockPoisoned(memory, at)) return -1;
    if (((postsBegun(memory, at) - next) | 0) <= 0) {
      /* It was posted by somebody out of sight. */
      poisonBlock(memory, at);
      return -1;
    }
    if (!readBroadcast(memory, at, next, this.#taken) || this.#settings.isOff()) return -1;
    const transitNs = Math.max(0, this.#settings.recorder.clock.nowNs() - this.#taken.postedNs);
    member.named.cell?.waits.record(transitNs);
    return transitNs;
  }
}

/** Throws where there is none. */
function portOf(channel: object): object {
  const key = Object.getOwnPropertySymbols(channel).find(({ description }) => description === 'kHandle');
  const port: unknown = key === undefined ? undefined : Reflect.get(channel, key);
  if (typeof port !== 'object' || port === null) throw new Error('this Node has no port there');
  return port;
}

function define(port: object, key: PropertyKey, value: Method): void {
  Object.defineProperty(port, key, { value, configurable: true, writable: true, enumerable: false });
}
