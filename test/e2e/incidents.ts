/**
 * The programs of `examples/incidents/`, and what is known of the alert that each causes. Those of a group run at the same time, on one machine: a group is made of
 * programs that leave each other's CPUs alone.
 */

import { readFileSync } from 'node:fs';
import { whyNoQuotaGroup } from '../support/quota-group.ts';

export interface Incident {
  /** Its folder. */
  readonly name: string;
  readonly alert: string;
  /** What the labels say it is about, besides the service. */
  readonly about?: Readonly<Record<string, string>>;
  /** It needs the CPUs that it uses: where others have them it cannot do what is wrong with it. */
  readonly computes?: true;
  /** It takes a control group that may use so many CPUs' worth of time. */
  readonly quotaCpus?: number;
  /** Its programs are not started with those of its group: they run already. */
  readonly isThere?: true;
  /** What its program is told. */
  readonly env?: Readonly<Record<string, string>>;
  /** Words of its description. */
  readonly says: string;
  /** Where the alert leads to spans: an attribute of the one that is to blame. */
  readonly guilty?: readonly [key: string, value: string | number];
}

const file = (name: string): string => `examples/incidents/${name}/broken.js`;

/** Where its program has this text for the first time, or so many lines later. */
function place(name: string, text: string, linesLater = 0): string {
  const lines = readFileSync(new URL(`../../${file(name)}`, import.meta.url), 'utf8').split('\n');
  const at = lines.findIndex((line) => line.includes(text));
  if (at < 0) throw new Error(`${file(name)} has no ${text}`);
  return `${file(name)}:${at + 1 + linesLater}`;
}

const CONTENDED = `async-mutex@${place('lock-contended', 'new Mutex')}`;
const SAVED = place('lock-contended', 'runExclusive(');
const CATALOGUE = `async-mutex@${place('lock-wait-long', 'new Mutex')}`;
const EXPORTED = place('lock-wait-long', 'return catalogue.lock.runExclusive(');
const REPORTED = place('lock-blame-concentrated', 'async function report', 2);
const CACHE = `async-mutex@${place('lock-waiters-growing', 'new Mutex')}`;
const REFRESHED = place('lock-waiters-growing', 'runExclusive(');
const ADDRESSES = `fastq@${place('queue-growing', 'fastq.promise(')}`;
const PREVIEWS = `p-queue@${place('queue-item-old', 'new PQueue')}`;
const THUMBNAILS = 'piscina@examples/incidents/pool-saturated/thumbnail.js';
const ALBUMS = `p-queue@${place('pool-starved', 'new PQueue')}`;
const REMINDERS = `bottleneck@${place('queue-rejections', 'new Bottleneck')}`;
const PLUGINS = `MessageChannel@${place('agent-degraded', 'new MessageChannel')}`;

/** On a fast machine their pauses are shorter than those from which on there are spans. */
const SHORT_PAUSES = { GRIDWATCH_GC_THRESHOLD_MS: '2' } as const;

/** Locks: their threads wait, and use next to no CPU. */
const LOCKS: readonly Incident[] = [
  {
    name: 'deadlock',
    alert: 'GridwatchDeadlock',
    says: 'Waited for: lock account anna, lock account ben.',
    guilty: ['gridwatch.deadlock.size', 2],
  },
  {
    name: 'lock-contended',
    alert: 'GridwatchLockContended',
    about: { gridwatch_lock_name: CONTENDED },
    says: `took the lock at ${SAVED}`,
    guilty: ['gridwatch.lock.holder.site', SAVED],
  },
  {
    name: 'lock-wait-long',
    alert: 'GridwatchLockWaitLong',
    about: { gridwatch_lock_name: CATALOGUE },
    says: `contended acquisitions of lock ${CATALOGUE}`,
    guilty: ['gridwatch.lock.holder.site', EXPORTED],
  },
  {
    name: 'lock-blame-concentrated',
    alert: 'GridwatchLockBlameConcentrated',
    about: { gridwatch_lock_name: 'ledger' },
    says: `The place: ${REPORTED}.`,
    guilty: ['gridwatch.lock.holder.site', REPORTED],
  },
  {
    name: 'lock-waiters-growing',
    alert: 'GridwatchLockWaitersGrowing',
    about: { gridwatch_lock_name: CACHE },
    says: 'and more come than get it',
    guilty: ['gridwatch.lock.holder.site', REFRESHED],
  },
  {
    name: 'lock-abandoned',
    alert: 'GridwatchLockAbandoned',
    about: { gridwatch_lock_name: 'stock' },
    says: 'ended while they held lock stock',
    guilty: ['thread.name', 'importer'],
  },
  {
    name: 'lock-stuck',
    alert: 'GridwatchLockStuck',
    about: { gridwatch_lock_name: 'printer' },
    says: 'for lock printer, and still does',
    guilty: ['gridwatch.lock.holder.thread.name', 'archive'],
  },
  {
    name: 'lock-order-inversion',
    alert: 'GridwatchLockOrderInversion',
    says: 'in both orders, seen for the first time in the last hour: 1.',
    guilty: ['code.file.path', file('lock-order-inversion')],
  },
  {
    name: 'parallelism-collapsed',
    alert: 'GridwatchParallelismCollapsed',
    says: 'Most of all for lock carrier.',
  },
];

/** Queues, pools, and what else uses little CPU. */
const QUEUES: readonly Incident[] = [
  {
    name: 'queue-growing',
    alert: 'GridwatchQueueGrowing',
    about: { gridwatch_queue_name: ADDRESSES },
    says: 'and more come than are served',
    guilty: ['gridwatch.queue.name', ADDRESSES],
  },
  {
    name: 'queue-item-old',
    alert: 'GridwatchQueueItemOld',
    about: { gridwatch_queue_name: PREVIEWS },
    says: `The oldest item in queue ${PREVIEWS}`,
    guilty: ['gridwatch.queue.name', PREVIEWS],
  },
  {
    name: 'pool-saturated',
    alert: 'GridwatchPoolSaturated',
    about: { gridwatch_queue_name: THUMBNAILS },
    says: 'There may be 2 of them.',
    guilty: ['gridwatch.queue.name', THUMBNAILS],
  },
  {
    name: 'pool-starved',
    alert: 'GridwatchPoolStarved',
    says: `Now the oldest item of queue ${ALBUMS}`,
    guilty: ['gridwatch.queue.name', ALBUMS],
  },
  {
    name: 'queue-rejections',
    alert: 'GridwatchQueueRejections',
    about: { gridwatch_queue_name: REMINDERS },
    says: `submitted to queue ${REMINDERS}`,
    guilty: ['gridwatch.queue.name', REMINDERS],
  },
  {
    name: 'message-backlog',
    alert: 'GridwatchMessageBacklog',
    about: { gridwatch_queue_name: 'writer', gridwatch_queue_direction: 'to_worker' },
    says: 'wait in queue writer (to_worker)',
    guilty: ['gridwatch.queue.name', 'writer'],
  },
  {
    name: 'heap-near-limit',
    env: SHORT_PAUSES,
    alert: 'GridwatchHeapNearLimit',
    about: { thread_name: 'sessions' },
    says: 'The worker ends when it is full.',
    guilty: ['thread.name', 'sessions'],
  },
  {
    name: 'worker-crash-loop',
    alert: 'GridwatchWorkerCrashLoop',
    about: { error_type: 'uncaught' },
    says: 'Those that replace them fail as well.',
    guilty: ['thread.name', 'reader'],
  },
  {
    name: 'agent-dropping',
    alert: 'GridwatchAgentDropping',
    about: { gridwatch_record_kind: 'lock' },
    says: 'records of kind lock',
  },
  {
    name: 'agent-degraded',
    alert: 'GridwatchAgentDegraded',
    about: { gridwatch_feature: 'messages.ports', gridwatch_reason: 'ledger_poisoned' },
    says: 'leaves out feature messages.ports',
    guilty: ['gridwatch.queue.name', PLUGINS],
  },
];

/** They compute, though not so much that there were no CPU left for the others. */
const COMPUTING: readonly Incident[] = [
  {
    name: 'gc-fraction',
    computes: true,
    env: SHORT_PAUSES,
    alert: 'GridwatchGcFraction',
    about: { thread_name: 'main' },
    says: 'stops thread main',
    guilty: ['thread.name', 'main'],
  },
  {
    name: 'gc-pause-long',
    computes: true,
    alert: 'GridwatchGcPauseLong',
    about: { thread_name: 'main' },
    says: 'in thread main',
    guilty: ['thread.name', 'main'],
  },
];

/** Both twins compute as much, each a good part of a CPU; or what a quota leaves them. */
const HASHING: readonly Incident[] = [
  {
    name: 'event-loop-blocked',
    computes: true,
    alert: 'GridwatchEventLoopBlocked',
    says: 'The longest of the last ten minutes',
    guilty: ['thread.name', 'main'],
  },
  { name: 'cpu-throttled', alert: 'GridwatchCpuThrottled', quotaCpus: 0.3, says: 'The quota: 0.3 CPUs.' },
];

/** It leaves nobody a CPU. */
const SPINNING: readonly Incident[] = [
  { name: 'runnable-delay', computes: true, alert: 'GridwatchRunnableDelay', says: 'Most of all thread waiter-' },
];

/**
 * They run beside all the others: their agents have to be there for a while, and to be missed for longer. By the time this is told of, the services of the groups before, which
 * the test has ended, are silent as well: their alert is as true, and their groups are over.
 */
export const BESIDE: readonly Incident[] = [
  {
    name: 'agent-lost',
    isThere: true,
    /* Where forty programs start at once its SDK is there after seconds only, and would be taken for a late one. */
    env: { GRIDWATCH_IDENTITY_WAIT_MS: '25000' },
    alert: 'GridwatchAgentLost',
    says: 'whose agent sends nothing any more: 1.',
  },
  {
    name: 'agent-silent',
    isThere: true,
    env: { CONNECTION_MS: '70000' },
    alert: 'GridwatchAgentSilent',
    says: 'has an agent that sends anything',
  },
];

export const GROUPS: Readonly<Record<string, readonly Incident[]>> = {
  LOCKS,
  QUEUES,
  COMPUTING,
  HASHING,
  SPINNING,
  BESIDE,
};

/** Without those that take a quota, where none can be had: a line says so. */
export async function possibleGroups(): Promise<[name: string, group: readonly Incident[]][]> {
  const reason = await whyNoQuotaGroup();
  return Object.entries(GROUPS).map(([name, group]) => {
    const left = group.filter(({ quotaCpus }) => quotaCpus === undefined || reason === undefined);
    for (const incident of group) {
      if (!left.includes(incident)) console.log(`e2e: ${incident.name} is left out, it takes a quota: ${reason}`);
    }
    return [name, left];
  });
}

/** Its twins are two versions of one service, one after the other: what it was takes as long as it takes for there to be a past. */
export const ENERGY: Incident = {
  name: 'energy-per-task-up',
  isThere: true,
  computes: true,
  alert: 'GridwatchEnergyPerTaskUp',
  says: 'times the energy for a task',
};
