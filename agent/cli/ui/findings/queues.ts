/**
 * The rules about queues, pools and messages: a pool that is full, a queue that only grows, items that were refused, messages that wait for a busy thread, and
 * what it takes to write messages. They run in the process of `gridwatch run --ui`. An idle pool is no finding, and neither is a queue that a burst has filled.
 */
import { counted, formatAtMost, formatMs, formatShare } from '../quantities.ts';
import type { QueueSummary } from '../queue-summary.ts';
import { type Summary, shareOf, type ThreadSummary } from '../summary.ts';
import { type Evidence, type Rule, stretchS } from './rule.ts';

/** Of fewer nothing can be said. */
const MIN_ITEMS = 20;

/** A pool that works for less of the time than this is not full, whatever waits there at times. */
const FULL_SHARE = 0.85;
/** A wait that a person feels, and in all enough to matter. */
const MIN_WAIT_S = 0.02;
const MIN_WAITS_S = 0.5;

/** Names of queues are not of one queue each where they stand together. */
const isNamed = ({ name }: QueueSummary): boolean => name !== '_OTHER' && name !== '';

function meanS({ waits }: QueueSummary): number {
  return waits.count === 0 ? 0 : waits.sumS / waits.count;
}

function isWaitedFor(queue: QueueSummary): boolean {
  return queue.waits.count >= MIN_ITEMS && queue.waits.sumS >= MIN_WAITS_S && meanS(queue) >= MIN_WAIT_S;
}

/** Pools whose tasks wait because all of their workers work. */
export const fullPools: Rule<QueueSummary> = {
  check: ({ summary }) =>
    summary.queues.filter(
      (queue) => isNamed(queue) && isWaitedFor(queue) && (queue.pool?.utilization ?? 0) >= FULL_SHARE,
    ),
  format: (queue, { summary }) => {
    const { threads = 0, limit = 0, utilization = 0 } = queue.pool ?? {};
    const served = queue.services.count === 0 ? 0 : queue.services.sumS / queue.services.count;
    const { usableCores, usedCores } = summary;
    return {
      severity: 'slow',
      costS: queue.waits.sumS,
      title: `${nameOf(queue)} was full: what came to it waited ${formatMs(meanS(queue) * 1000)} on average.`,
      facts: [
        `It was at work for ${formatShare(utilization)} of the time, ${formatCount(threads)} at once${limit > 0 ? ` of at most ${formatCount(limit)}` : ''}.` +
          (served > 0 ? ` Each item took ${formatMs(served * 1000)}.` : ''),
        `No wait was longer than this: ${formatAtMost(queue.waits.atMostS)}. The program used ${usedCores.toFixed(1)} of ${usableCores} CPUs.`,
      ],
      advice: adviceForFull(queue, usableCores - usedCores),
    };
  },
};

function adviceForFull({ kind }: QueueSummary, freeCores: number): string {
  if (kind === 'connection_pool' || kind === 'http_agent')
    return 'Hold each connection for less (release it before what does not need it), or allow more of them if the server does.';
  if (kind === 'libuv')
    return 'Files, DNS look-ups and much of crypto run there: do less of it at once, or raise UV_THREADPOOL_SIZE if there are CPUs for more threads.';
  if (kind !== 'pool') return 'Raise its concurrency if what it calls can take more, or do less in each item.';
  return freeCores >= 1
    ? 'There are CPUs for more workers: raise its limit (piscina: maxThreads; workerpool: maxWorkers).'
    : 'More workers would find no CPU: make the tasks cheaper, drop those that nobody waits for any more, or add CPUs.';
}

/** Shorter, a burst looks the same. */
const MIN_GROWING_S = 20;
const MIN_GROWN = 50;
/** Of what came. */
const MIN_GROWN_SHARE = 0.05;

/** Queues into which more came than went out, all the time. */
export const growingQueues: Rule<QueueSummary> = {
  check: (evidence) =>
    stretchS(evidence) < MIN_GROWING_S
      ? []
      : evidence.summary.queues.filter((queue) => {
          const grown = queue.growth.reduce((sum, each) => sum + each, 0);
          const least = Math.max(MIN_GROWN, MIN_GROWN_SHARE * queue.arrivals);
          return isNamed(queue) && queue.size >= least && grown >= least && queue.growth.every((each) => each > 0);
        }),
  format: (queue, evidence) => ({
    severity: 'slow',
    costS: queue.oldestS * queue.size,
    title: `${nameOf(queue)} only grew: ${formatCount(queue.size)} ${queue.direction === '' ? 'items' : 'messages'} wait in it.`,
    facts: [
      `In ${formatMs(stretchS(evidence) * 1000)} there came ${formatCount(queue.arrivals)}, and ${formatCount(queue.completions)} were served.`,
      ...(queue.oldestS > 0 ? [`The oldest has waited ${formatMs(queue.oldestS * 1000)}.`] : []),
      ...receiverFacts(queue, evidence.summary),
    ],
    advice:
      'Send less, or make the senders wait: a bounded queue (Channel of gridwatch/sync), an answer before the next item, or refuse what comes when it is full. Until then it takes ever more memory.',
  }),
};

export const refusedItems: Rule<QueueSummary> = {
  check: ({ summary }) => summary.queues.filter((queue) => isNamed(queue) && queue.rejections > 0),
  format: (queue) => ({
    severity: 'failure',
    costS: queue.rejections,
    title: `${nameOf(queue)} refused ${counted(queue.rejections, 'item')}.`,
    facts: [`It took ${formatCount(queue.arrivals)}; ${formatCount(queue.size)} wait in it.`],
    advice:
      'Its bound was reached, or it was closed: whoever submits must slow down at a refusal, or the bound be higher.',
  }),
};

/** Below, a thread has time for its messages. */
const BUSY_SHARE = 0.5;

/** A thread that is ready and has no CPU is in the midst of something, too. One that hardly computes is not what messages wait for. */
const MIN_RUNNING_SHARE = 0.1;

function isBusy(thread: ThreadSummary): boolean {
  const running = shareOf(thread, 'running');
  return running + shareOf(thread, 'runnable') >= BUSY_SHARE && running >= MIN_RUNNING_SHARE;
}

function busyText(thread: ThreadSummary): string {
  const runnable = shareOf(thread, 'runnable');
  const withoutCpu = runnable < 0.05 ? '' : `, and was ready without a CPU for ${formatShare(runnable)}`;
  return `computed ${formatShare(shareOf(thread, 'running'))} of the time${withoutCpu}`;
}

/** Messages that waited while the thread that is to take them computed. */
interface LateMessages {
  readonly queue: QueueSummary;
  readonly receiver: ThreadSummary;
}

export const lateMessages: Rule<LateMessages> = {
  check: ({ summary }) =>
    summary.queues.flatMap((queue) => {
      const receiver = receiverOf(queue, summary);
      const isLate = receiver !== undefined && isNamed(queue) && isWaitedFor(queue);
      return isLate && isBusy(receiver) ? [{ queue, receiver }] : [];
    }),
  format: ({ queue, receiver }) => ({
    severity: 'slow',
    costS: queue.waits.sumS,
    title: `Messages ${queue.direction === 'to_worker' ? 'to' : 'from'} ${queue.name} waited ${formatMs(meanS(queue) * 1000)} until they were taken, on average.`,
    facts: [
      `${threadName(receiver)} ${busyText(receiver)}: it takes no message while it does.`,
      `${counted(queue.waits.count, 'message')}, no wait longer than this: ${formatAtMost(queue.waits.atMostS)}.`,
    ],
    advice:
      'Divide what it does at a stretch into parts that return to the event loop in between, or spread the messages over more workers.',
  }),
};

/** Below, something else is worth more. */
const MIN_SERIALISE_S = 0.5;
const MIN_SERIALISE_SHARE = 0.1;

/** What it took to write the messages that one thread has posted. */
interface Serialising {
  readonly thread: ThreadSummary;
  readonly sumS: number;
  readonly count: number;
}

export const serialising: Rule<Serialising> = {
  check: (evidence) =>
    serialisers(evidence).filter(
      ({ thread, sumS }) => sumS >= MIN_SERIALISE_S && sumS >= MIN_SERIALISE_SHARE * thread.statesS.running,
    ),
  format: ({ thread, sumS, count }) => ({
    severity: 'waste',
    costS: sumS,
    title:
      thread.role === 'main'
        ? `Writing messages to workers took ${formatMs(sumS * 1000)}, as much as ${shareIn(thread, sumS)} of what the main thread computed.`
        : `Writing messages took ${thread.name} ${formatMs(sumS * 1000)}, ${shareIn(thread, sumS)} of what it computed.`,
    facts: [
      `${counted(count, 'message')}, ${formatMs((sumS / count) * 1000)} each; to read them costs about as much again.`,
    ],
    advice:
      'Send less of it: hand over ArrayBuffers in the transfer list, share a SharedArrayBuffer, or send an id in place of the whole object.',
  }),
};

function shareIn(thread: ThreadSummary, sumS: number): string {
  return formatShare(Math.min(1, sumS / thread.statesS.running));
}

/** A worker's own port has two ends: the worker, and who started it. */
function serialisers({ summary }: Evidence): Serialising[] {
  const sums = new Map<ThreadSummary, { sumS: number; count: number }>();
  for (const queue of summary.queues) {
    const thread = senderOf(queue, summary);
    if (thread === undefined || queue.serialises.count === 0) continue;
    const sum = sums.get(thread) ?? { sumS: 0, count: 0 };
    sums.set(thread, { sumS: sum.sumS + queue.serialises.sumS, count: sum.count + queue.serialises.count });
  }
  return [...sums].map(([thread, sum]) => ({ thread, ...sum }));
}

function senderOf(queue: QueueSummary, summary: Summary): ThreadSummary | undefined {
  return queue.direction === 'to_parent' ? workerOf(queue, summary) : parentOf(queue, summary);
}

function receiverOf(queue: QueueSummary, summary: Summary): ThreadSummary | undefined {
  return queue.direction === 'to_worker' ? workerOf(queue, summary) : parentOf(queue, summary);
}

function workerOf({ process, name, kind }: QueueSummary, { threads }: Summary): ThreadSummary | undefined {
  if (kind !== 'message_port') return undefined;
  return threads.find((thread) => thread.process === process && thread.name === name);
}

/** Mostly the main thread. Which worker has started another is not in the metrics, so what is said of a parent must be true of the main thread, too. */
function parentOf({ process, kind, direction }: QueueSummary, { threads }: Summary): ThreadSummary | undefined {
  if (kind !== 'message_port' || direction === '') return undefined;
  return threads.find((thread) => thread.process === process && thread.role === 'main');
}

function threadName({ role, name }: ThreadSummary): string {
  return role === 'main' ? 'The main thread' : name;
}

function receiverFacts(queue: QueueSummary, summary: Summary): string[] {
  const receiver = queue.direction === 'to_worker' ? workerOf(queue, summary) : undefined;
  return receiver === undefined
    ? []
    : [`${receiver.name}, which is to take them, computed ${formatShare(shareOf(receiver, 'running'))} of the time.`];
}

const KIND_NOUNS: Readonly<Record<string, string>> = {
  pool: 'The pool',
  connection_pool: 'The connection pool',
  http_agent: "The HTTP agent's queue",
  libuv: "libuv's thread pool",
  channel: 'The channel',
  message_port: 'The port',
};

function nameOf({ name, kind, direction }: QueueSummary): string {
  if (direction === 'to_worker') return `The port to ${name}`;
  if (direction === 'to_parent') return `The port from ${name}`;
  if (kind === 'libuv') return "libuv's thread pool";
  return `${KIND_NOUNS[kind] ?? 'The queue'} ${name}`;
}

function formatCount(count: number): string {
  return String(Number(count.toFixed(count < 10 ? 1 : 0)));
}
