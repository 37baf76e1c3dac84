/**
 * The parts of the agent that are of queues, put together: who reads what was counted of them, who remembers the threads they name, what becomes of their
 * records.
 *
 * Runs on the agent thread, once. It holds no logic of its own.
 */
import { type ControlMemory, HEADER } from '../shared-memory/layout.ts';
import { MessageMemory } from '../shared-memory/message-memory.ts';
import { readSlot, type SlotClaim } from '../shared-memory/registry.ts';
import { forgetThread } from '../shared-memory/vouching.ts';
import { type EnergyRates, SpanEnergy } from './energy/span-energy.ts';
import type { FeatureSwitches } from './feature-switches.ts';
import type { Locks } from './model/locks.ts';
import { Ports } from './model/ports.ts';
import { QueueCells } from './model/queue-cells.ts';
import type { QueueReader, QueueTotals } from './model/queue-totals.ts';
import { Queues } from './model/queues.ts';
import { type LivingThreads, RecentThreads } from './model/recent-threads.ts';
import type { DropCounts } from './model/self.ts';
import { QueueDispatch } from './queue-dispatch.ts';
import type { SpanRecord } from './telemetry/spans.ts';

export interface FollowedQueuesSettings {
  readonly memory: ControlMemory;
  /** Message memory of the process; undefined when messages are not followed. */
  readonly messageBuffer: SharedArrayBuffer | undefined;
  readonly totals: QueueTotals;
  readonly locks: Locks;
  readonly living: () => LivingThreads;
  readonly switches: FeatureSwitches;
  readonly drops: DropCounts;
  readonly emit: (span: SpanRecord) => void;
  /** What CPU time costs. */
  readonly rates: EnergyRates;
  readonly nowNs: () => number;
  /** Told of the queue of which a port was lost from sight. */
  readonly onPortLost: (queue: string) => void;
}

export interface FollowedQueues {
  readonly queues: Queues;
  /** Undefined when messages are not followed. */
  readonly ports: Ports | undefined;
  readonly recent: RecentThreads;
  readonly dispatch: QueueDispatch;
  /** To be called before the slot of a thread that has ended is given back. */
  readonly ended: (claim: SlotClaim) => void;
}

export function followQueues(settings: FollowedQueuesSettings): FollowedQueues {
  const { memory, messageBuffer, totals, locks, living, switches, drops, emit, rates, nowNs } = settings;
  const text = (number: number): string => locks.text(number);
  const recent = new RecentThreads(living);
  const messages = MessageMemory.attach(messageBuffer);
  const threadName = (claim: SlotClaim): string | undefined => recent.ofClaim(claim)?.entry.name;
  const ports =
    messages === undefined
      ? undefined
      : new Ports({
          control: memory,
          messages,
          totals,
          text,
          threadName,
          onLost: (count) => drops.count('message', count),
          onPoisoned: settings.onPortLost,
        });
  const readers: QueueReader[] = [
    new QueueCells({ memory, totals, text }),
    { read: (atNs) => locks.index.readChannels(atNs) },
  ];
  if (ports !== undefined) readers.push(ports);
  const queues = new Queues({
    memory,
    totals,
    readers,
    isOn: (feature) => switches.isOn(feature),
    nowNs,
    onDrop: (count) => drops.count('queue', count),
  });
  const dispatch = new QueueDispatch({
    threads: recent,
    text,
    emit,
    energy: new SpanEnergy({ emit, rates, isOn: () => switches.isOn('energy') }),
    onCorrupt: () => drops.count('corrupt', 1),
    thresholdNs: () => memory.f64[HEADER.QUEUE_THRESHOLD_NS >> 3] as number,
  });
  const ended = (claim: SlotClaim): void => {
    /* If nobody waited for it any more, the slot is not its own: it was there without the agent, and others may be like it. */
    if (messages === undefined || readSlot(memory, claim.slot)?.generation !== claim.generation) return;
    forgetThread(messages, claim);
  };
  return { queues, ports, recent, dispatch, ended };
}
