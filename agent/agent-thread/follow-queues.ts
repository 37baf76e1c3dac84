/**
 * The parts of the agent that are of queues, put together: who reads what was counted of them, who remembers the threads they name, what becomes of their
 * records.
 *
 * Runs on the agent thread, once. It holds no logic of its own.
 */
import { type ControlMemory, HEADER } from '../shared-memory/layout.ts';
import type { FeatureSwitches } from './feature-switches.ts';
import type { Locks } from './model/locks.ts';
import { QueueCells } from './model/queue-cells.ts';
import type { QueueTotals } from './model/queue-totals.ts';
import { Queues } from './model/queues.ts';
import { type LivingThreads, RecentThreads } from './model/recent-threads.ts';
import type { DropCounts } from './model/self.ts';
import { QueueDispatch } from './queue-dispatch.ts';
import type { SpanRecord } from './telemetry/spans.ts';

export interface FollowedQueuesSettings {
  readonly memory: ControlMemory;
  readonly totals: QueueTotals;
  readonly locks: Locks;
  readonly living: () => LivingThreads;
  readonly switches: FeatureSwitches;
  readonly drops: DropCounts;
  readonly emit: (span: SpanRecord) => void;
  readonly nowNs: () => number;
}

export interface FollowedQueues {
  readonly queues: Queues;
  readonly recent: RecentThreads;
  readonly dispatch: QueueDispatch;
}

export function followQueues(settings: FollowedQueuesSettings): FollowedQueues {
  const { memory, totals, locks, living, switches, drops, emit, nowNs } = settings;
  const text = (number: number): string => locks.text(number);
  const recent = new RecentThreads(living);
  const queues = new Queues({
    memory,
    totals,
    readers: [new QueueCells({ memory, totals, text }), { read: (atNs) => locks.index.readChannels(atNs) }],
    isOn: (feature) => switches.isOn(feature),
    nowNs,
    onDrop: (count) => drops.count('queue', count),
  });
  const dispatch = new QueueDispatch({
    threads: recent,
    text,
    emit,
    onCorrupt: () => drops.count('corrupt', 1),
    thresholdNs: () => memory.f64[HEADER.QUEUE_THRESHOLD_NS >> 3] as number,
  });
  return { queues, recent, dispatch };
}
