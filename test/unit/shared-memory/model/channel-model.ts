/**
 * What the models of a channel share: the ring with as few cells as its capacity allows, senders whose items can be told apart, receivers that check
 * what they get, and the invariants of every state. Runs in a test's own process.
 */
import { BLOCK } from '../../../../agent/shared-memory/lock-block.ts';
import { access, type Exploration, explore, host, type Model, type View, Violation } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type AgentSources, type Change, loadVariant } from '../../../support/variant.ts';

const WORDS = 'shared-memory/channel-words.ts';
const QUEUE = 'shared-memory/channel-queue.ts';
const PARKING = 'shared-memory/parking-word.ts';
const ITEM_BYTES = 16;

/** Where a loop begins anew, nothing is kept of what was read before: two ways there are one. */
const HOOK = 'gridwatchModelSettles';
const settling = (file: Change['file'], place: string, loop: string): Change => ({
  file,
  from: loop,
  to: loop.replace('for (;;) {', `for (;;) { globalThis.${HOOK}?.('${place}');`),
});

/** As few cells as the capacity allows, and no patience. */
const SMALL: readonly Change[] = [
  { file: QUEUE, from: /PATIENCE = \d+/, to: 'PATIENCE = 0' },
  settling(
    QUEUE,
    'claims',
    'for (;;) {\n      const tail = Atomics.load(i32, this.#tailAt);\n      if ((tail & CLOSED_BIT) !== 0) return NoCell',
  ),
  settling(QUEUE, 'finds', 'for (;;) {\n      const head = Atomics.load(i32, this.#headAt);\n      const cellAt'),
  settling(QUEUE, 'makes room', 'for (;;) {\n      const head = Atomics.load(i32, this.#headAt);\n      if ((('),
  {
    file: QUEUE,
    from: 'const i32 = this.#i32;\n    Atomics.store(i32, cellAt >> 2, (',
    to: `const i32 = this.#i32; globalThis.${HOOK}?.('publishes ' + cellAt + ' ' + this.#ticket); Atomics.store(i32, cellAt >> 2, (`,
  },
  {
    file: QUEUE,
    from: 'CellPhase.FULL);\n    wakeOne(i32, this.receiversAt, this.#generationAt);',
    to: `CellPhase.FULL);
      globalThis.${HOOK}?.('published');
      wakeOne(i32, this.receiversAt, this.#generationAt);
      globalThis.${HOOK}?.('has woken');`,
  },
  {
    file: QUEUE,
    from: 'Atomics.compareExchange(i32, this.#headAt, head, (head + 2) | 0);\n    wakeOne(i32, this.sendersAt, this.#generationAt);',
    to: `globalThis.${HOOK}?.('has taken ' + head);
      Atomics.compareExchange(i32, this.#headAt, head, (head + 2) | 0);
      globalThis.${HOOK}?.('took');
      wakeOne(i32, this.sendersAt, this.#generationAt);
      globalThis.${HOOK}?.('has woken');`,
  },
  {
    file: PARKING,
    from: /for \(;;\) \{\n {4}const word = Atomics.load\(i32, at\);\n {4}const wakes/,
    to: `for (;;) { globalThis.${HOOK}?.('wakes ' + at + ' ' + count); const word = Atomics.load(i32, at); const wakes`,
  },
  {
    file: PARKING,
    from: /for \(;;\) \{\n {4}const word = Atomics.load\(i32, at\);\n {4}const cleared/,
    to: `for (;;) { globalThis.${HOOK}?.('clears ' + at); const word = Atomics.load(i32, at); const cleared`,
  },
  settling(PARKING, 'announces', 'for (;;) {\n    const word = Atomics.load(i32, at);\n    const announced'),
  settling(PARKING, 'ends', 'for (;;) {\n    const word = Atomics.load(i32, at);\n    if ((word & WAKING) === 0'),
];

export interface ChannelPlan {
  readonly capacity: number;
  /** How many items each sender sends. */
  readonly senders: readonly number[];
  /** How many items each receiver takes; Infinity: until the channel is closed. */
  readonly receivers: readonly number[];
  /** When the channel is closed: once all senders are gone, at any time, or never. */
  readonly closes?: 'at last' | 'any time';
  /** So many tickets are skipped at most, one by default: a sender can be skipped again and again. */
  readonly spareTickets?: number;
  /** Senders and receivers give up where they would have to wait. One more receiver takes what is left, once all are gone. */
  readonly isTrying?: boolean;
  /** A deliberate mistake of the receivers: they read the item after they have taken it. */
  readonly readsLate?: boolean;
}

type Queue = AgentSources[typeof QUEUE]['ChannelQueue']['prototype'];

const SENDER_NAMES = ['s1', 's2', 's3'];
const RECEIVER_NAMES = ['r1', 'r2', 'r3'];

export const queueChange = (from: string, to: string): Change => ({ file: QUEUE, from, to });

/** Items are numbers: the sender's hundred, and which of its items it is. */
export async function exploreChannel(
  plan: ChannelPlan,
  changes: readonly Change[] = [],
  model: Partial<Model> = {},
): Promise<Exploration> {
  const [words, { ChannelQueue }] = await loadVariant([WORDS, QUEUE, PARKING], [...SMALL, ...changes]);
  const { i32 } = modelControlMemory({} as { readonly i32: Int32Array<SharedArrayBuffer> });
  const { CHANNEL, CellPhase, PHASE_MASK, cellBytes, cellCount } = words;
  const senders = SENDER_NAMES.slice(0, plan.senders.length);
  const receivers = RECEIVER_NAMES.slice(0, plan.receivers.length);
  const names = [...senders, ...receivers, 'closer', 'last'];
  const holderOf = (name: string): number => (1 << 12) | ((names.indexOf(name) + 1) << 2);
  const queueOf = (name: string): Queue =>
    new ChannelQueue({
      views: { i32 } as never,
      blockAt: 0,
      capacity: plan.capacity,
      itemBytes: ITEM_BYTES,
      holder: holderOf(name),
      isDead: (holder) => host.isGone(names[((holder >>> 2) & 0x3ff) - 1] as string),
    });
  const park = (at: number, announced: number): void => {
    settle(`parks at ${announced}`);
    if (model.timeouts === undefined) Atomics.wait(i32, at, announced);
    else Atomics.wait(i32, at, announced, 1);
  };
  /** All that the running program keeps, but for the place it has come to. */
  let kept = (): string => '';
  let isWaiting = false;
  /** It has claimed a cell, or is about to take an item: whom it wakes it wakes for that, and not because the channel is closed. */
  let isAtCell = false;
  const settle = (place: string): void =>
    void access({ kind: 'settle', key: `${place} ${isWaiting} ${isAtCell} ${kept()}` });
  (globalThis as Record<string, unknown>)[HOOK] = settle;
  const itemAt = (cellAt: number): number => (cellAt + words.CELL.ITEM) >> 2;

  const send = (name: string, index: number, count: number) => (): void => {
    const queue = queueOf(name);
    for (let n = 1; n <= count; n++) {
      kept = () => `${n} ${queue.headSeen} ${queue.announced}`;
      isWaiting = false;
      isAtCell = false;
      let cellAt = queue.claimToSend();
      if (cellAt === -1 && plan.isTrying === true) return;
      for (let hasParked = false; cellAt === -1; hasParked = true) {
        isWaiting = true;
        if (hasParked) park(queue.sendersAt, queue.announced);
        queue.announced = 0;
        cellAt = queue.attemptOrAnnounce(queue.sendersAt, hasParked, false, () => queue.claimToSend());
      }
      if (cellAt === -2) return host.note('refused', 1);
      isAtCell = true;
      i32[itemAt(cellAt)] = (index + 1) * 100 + n;
      queue.publish(cellAt);
      host.note(`sent ${(index + 1) * 100 + n}`, 1);
    }
  };
  const receive = (name: string, count: number) => (): void => {
    const queue = queueOf(name);
    const last = new Map<number, number>();
    for (let taken = 0; taken < count; taken++) {
      let item = 0;
      kept = () => `${taken} ${item} ${queue.announced} ${[...last].join(';')}`;
      isWaiting = false;
      isAtCell = false;
      const attempt = (): number => {
        for (;;) {
          const found = queue.findItem();
          if (found < 0) return found;
          if (plan.readsLate !== true) item = i32[itemAt(found)] as number;
          isAtCell = true;
          if (!queue.take(found)) {
            isAtCell = false;
            item = 0;
            continue;
          }
          if (plan.readsLate === true) item = i32[itemAt(found)] as number;
          return found;
        }
      };
      let found = attempt();
      if (found < 0 && found !== -2 && plan.isTrying === true) return;
      for (let hasParked = false; found === -1 || found === -3; hasParked = true) {
        isWaiting = true;
        if (hasParked) park(queue.receiversAt, queue.announced);
        queue.announced = 0;
        found = queue.attemptOrAnnounce(queue.receiversAt, hasParked, false, attempt);
      }
      if (found === -2) return;
      const sender = Math.floor(item / 100);
      if (!(item % 100 <= (plan.senders[sender - 1] ?? 0))) throw new Violation(`N1: ${item} was never sent`);
      if (item < (last.get(sender) ?? 0)) throw new Violation(`N2: ${item} after ${last.get(sender)}`);
      if (item === last.get(sender)) throw new Violation(`N1: ${item} is received twice`);
      last.set(sender, item);
      host.note(`${name} received ${item}`, 1);
    }
  };
  const threads: Record<string, () => void> = {};
  for (const [i, name] of senders.entries()) threads[name] = send(name, i, plan.senders[i] as number);
  for (const [i, name] of receivers.entries()) threads[name] = receive(name, plan.receivers[i] as number);
  if (plan.closes !== undefined) {
    threads['closer'] = () => {
      if (plan.closes === 'at last') for (const name of senders) host.untilGone(name);
      queueOf('closer').close();
    };
  }
  if (plan.isTrying === true) {
    threads['last'] = () => {
      for (const name of names.filter((other) => other !== 'last')) if (name in threads) host.untilGone(name);
      receive('last', items.length + 1)();
    };
    receivers.push('last');
  }
  const items = plan.senders.flatMap((count, i) => Array.from({ length: count }, (_, n) => (i + 1) * 100 + n + 1));
  const stateAt = (cell: number): number => CHANNEL.CELLS + cell * cellBytes(ITEM_BYTES);
  const cells = Array.from({ length: cellCount(plan.capacity) }, (_, cell) => stateAt(cell));
  const receivedBy = (get: View['get'], item: number): number =>
    receivers.filter((name) => get(`${name} received ${item}`) === 1).length;
  /* Nobody reads these; and where nobody waits, nobody writes the others. */
  const counters = new Set<number>([CHANNEL.SKIPPED, BLOCK.ABANDONMENTS]);
  if (plan.isTrying === true) counters.add(CHANNEL.RECEIVERS).add(CHANNEL.SENDERS);
  return explore({
    threads,
    isBeyond: ({ get }) => get(CHANNEL.TAIL) >= (items.length + (plan.spareTickets ?? 1)) * 2 + 2,
    isPrivate: (at) => counters.has(at),
    always: ({ get }) => {
      const phases = cells.map((at) => get(at) & PHASE_MASK);
      const held = phases.filter((phase) => phase === CellPhase.WRITING || phase === CellPhase.FULL).length;
      if (held > plan.capacity) return `N3: ${held} items in a channel for ${plan.capacity}`;
      const twice = items.find((item) => receivedBy(get, item) > 1);
      return twice === undefined ? undefined : `N1: ${twice} is received twice`;
    },
    atEnd: ({ get, status }) => {
      const left = cells.filter((at) => (get(at) & PHASE_MASK) === CellPhase.FULL).length;
      const lost = items.filter((item) => get(`sent ${item}`) === 1 && receivedBy(get, item) === 0);
      const isDead = (name: string): boolean => status(name) === 'dead';
      /* A receiver that dies takes at most one with it. A sender that dies has perhaps not said that it had sent. */
      const mayBeLost = receivers.filter(isDead).length;
      if (plan.isTrying === true && left > 0) return `N5: ${left} items are out of reach`;
      if (plan.closes !== undefined && left > 0) return `N4: ${left} items are left`;
      if (lost.length - mayBeLost > left) return `N1: ${lost.join()} lost`;
      return undefined;
    },
    ...model,
  });
}
