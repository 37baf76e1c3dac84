/** The ledgers of ports as the agent thread reads them: differences by name and direction, what is on its way, what is given back, what was lost from sight. */
import { beforeAll, describe, expect, test } from 'vitest';
import { Ports } from '../../../../agent/agent-thread/model/ports.ts';
import { QueueTotals } from '../../../../agent/agent-thread/model/queue-totals.ts';
import { ControlMemory } from '../../../../agent/shared-memory/layout.ts';
import { claimChannel, closeEnd, poison } from '../../../../agent/shared-memory/ledger.ts';
import { countDelivery, postEntry, takeBack } from '../../../../agent/shared-memory/ledger-entries.ts';
import { lifeOf } from '../../../../agent/shared-memory/ledger-sweep.ts';
import { MessageMemory } from '../../../../agent/shared-memory/message-memory.ts';
import { claimSlot, releaseSlot, type SlotClaim } from '../../../../agent/shared-memory/registry.ts';

const control = ControlMemory.create(0);
const messages = MessageMemory.create();

function thread(name: string): SlotClaim {
  const identity = { parentThreadId: 0, name, file: '', nowNs: 1, spawnContext: undefined, spawnSite: '' };
  return claimSlot(control, identity) ?? expect.unreachable('no slot');
}

const post = (carrier: number, postedNs: number): boolean =>
  postEntry(messages, carrier, { postedNs, context: undefined, senderSlot: 1, ports: [] }, 0);

let parent: SlotClaim;
beforeAll(() => {
  parent = thread('main');
});

function followed(
  names: Readonly<Record<number, string>> = {},
  onLost: (count: number) => void = () => {},
): { ports: Ports; totals: QueueTotals; poisoned: string[] } {
  const totals = new QueueTotals();
  const poisoned: string[] = [];
  const onPoisoned = (queue: string): void => void poisoned.push(queue);
  const text = (number: number): string => `MessageChannel@app.js:${number}`;
  const threadName = ({ slot }: SlotClaim): string | undefined => names[slot];
  return { totals, poisoned, ports: new Ports({ control, messages, totals, text, threadName, onLost, onPoisoned }) };
}

describe('ports', () => {
  test('messages that found no room for their entry are told of once', () => {
    const lost: number[] = [];
    const { ports } = followed({}, (count) => lost.push(count));
    const channel = claimChannel(messages, parent, { nameNumber: 8 });
    let withoutEntry = 0;
    while (withoutEntry < 3) if (!post(channel << 1, 100)) withoutEntry++;
    postEntry(messages, channel << 1, undefined, 0);
    ports.read(1000);
    ports.read(1100);
    expect(lost).toEqual([3]);
    for (const end of [0, 1]) closeEnd(messages, messages.endAt(channel, end));
    ports.read(1300);
  });

  test('of one name are counted together, as differences; what is taken back never goes off', () => {
    const { ports, totals } = followed();
    const [a, b] = [0, 1].map(() => claimChannel(messages, parent, { nameNumber: 7 })) as [number, number];
    for (const carrier of [a << 1, (a << 1) | 1, b << 1]) post(carrier, 100);
    post(b << 1, 200);
    ports.read(1000);
    takeBack(messages, b << 1);
    countDelivery(messages, a << 1);
    totals.reset();
    ports.read(1100);
    const total = totals.of('MessageChannel@app.js:7', 'message_port');
    expect(total).toMatchObject({ arrivals: 4, completions: 1, size: 3, oldestNs: 1000 });
    post(b << 1, 300);
    totals.reset();
    ports.read(1200);
    expect(total).toMatchObject({ arrivals: 4, completions: 1, oldestNs: 1100 });
    for (const channel of [a, b]) for (const end of [0, 1]) closeEnd(messages, messages.endAt(channel, end));
    ports.read(1300);
  });

  test("a worker's own is named after its thread, by direction, and its channel is given back when both are gone", () => {
    const worker = thread('echo');
    const { ports, totals } = followed({ [worker.slot]: 'echo' });
    const channel = claimChannel(messages, parent, { nameNumber: 0, worker });
    const life = lifeOf(messages, channel);
    post(channel << 1, 100);
    post((channel << 1) | 1, 100);
    countDelivery(messages, (channel << 1) | 1);
    ports.end(worker);
    releaseSlot(control, worker);
    ports.read(200);
    expect(totals.of('echo', 'message_port', 'to_worker')).toMatchObject({ arrivals: 1, completions: 0, size: 0 });
    expect(totals.of('echo', 'message_port', 'to_parent')).toMatchObject({ arrivals: 1, completions: 1, size: 0 });
    expect(lifeOf(messages, channel)).toBe(life);
    closeEnd(messages, messages.endAt(channel, 0));
    ports.read(300);
    expect(lifeOf(messages, channel)).toBe(life + 1);
  });

  test('that are lost from sight are counted and told of once', () => {
    const { ports, poisoned } = followed();
    const channel = claimChannel(messages, parent, { nameNumber: 9 });
    poison(messages, channel);
    ports.read(100);
    ports.read(200);
    expect(ports.poisonedPorts).toBe(2);
    expect(poisoned).toEqual(['MessageChannel@app.js:9']);
    for (const end of [0, 1]) closeEnd(messages, messages.endAt(channel, end));
    ports.read(300);
    expect(ports.poisonedPorts).toBe(2);
  });
});
