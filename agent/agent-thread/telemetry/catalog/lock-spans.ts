/**
 * The spans of locks, and their log records. Plain data, read by the agent thread.
 */
import type { LogDefinition, SpanDefinition } from './definitions.ts';

const THREAD = ['thread.id', 'thread.name', 'gridwatch.thread.os_id'] as const;
const CODE = ['code.function.name', 'code.file.path', 'code.line.number', 'code.stacktrace'] as const;
const LOCK = ['gridwatch.lock.name', 'gridwatch.lock.kind', 'gridwatch.lock.mode', 'gridwatch.lock.instance'] as const;
const HOLDER = [
  'gridwatch.lock.holder.thread.id',
  'gridwatch.lock.holder.thread.name',
  'gridwatch.lock.holder.site',
  'gridwatch.lock.holder.stacktrace',
] as const;
const TRACE = ['gridwatch.trace_id', 'gridwatch.span_id'] as const;
const OTHER_THREAD = [
  'gridwatch.other.thread.id',
  'gridwatch.other.thread.name',
  'gridwatch.other.stacktrace',
  'gridwatch.other.trace_id',
  'gridwatch.other.span_id',
] as const;

/** What the log records of locks may have, and so the spans that stand for them. */
export const LOCK_INCIDENT: readonly string[] = [
  ...LOCK,
  ...HOLDER,
  ...TRACE,
  ...OTHER_THREAD,
  'code.function.name',
  'code.stacktrace',
  'gridwatch.contended',
  'gridwatch.lock.held.name',
  'gridwatch.wait.duration',
  'gridwatch.deadlock.cycle',
  'gridwatch.deadlock.size',
  'gridwatch.finding',
  'gridwatch.queue.name',
  'gridwatch.queue.kind',
  'gridwatch.race.index',
];

export const LOCK_SPANS: Readonly<Record<'lock.wait <name>' | 'deadlock' | 'lock.order.inversion', SpanDefinition>> = {
  'lock.wait <name>': {
    brief: "A wait for a lock, with a link to the holder's span.",
    when: '20 ms and more (`GRIDWATCH_LOCK_THRESHOLD_MS`; 0 for all of 1 ms and more); of a deadlock also while it goes on',
    attributes: [
      ...THREAD,
      ...LOCK,
      'gridwatch.wait.outcome',
      'gridwatch.wait.ongoing',
      'gridwatch.contended',
      ...HOLDER,
      ...CODE,
    ],
    feature: 'locks',
  },
  deadlock: {
    brief:
      'Threads or activities that wait for one another for ever: one event for each, which holds all that is needed to understand it, and links to their spans.',
    when: 'a cycle that was seen twice',
    attributes: [
      ...THREAD,
      ...LOCK,
      ...CODE,
      ...TRACE,
      'gridwatch.lock.held.name',
      'gridwatch.contended',
      'gridwatch.wait.duration',
      'gridwatch.deadlock.cycle',
      'gridwatch.deadlock.size',
      'gridwatch.deadlock.aborted',
    ],
    feature: 'locks',
  },
  'lock.order.inversion': {
    brief: 'Two locks that were taken in both orders: one event for each order, with its stack and trace.',
    when: 'each pair, once',
    attributes: [
      ...THREAD,
      'gridwatch.lock.name',
      'gridwatch.lock.kind',
      'gridwatch.lock.held.name',
      ...CODE,
      ...TRACE,
    ],
    feature: 'locks',
  },
};

type LockEvent =
  | 'gridwatch.deadlock'
  | 'gridwatch.lock.abandoned'
  | 'gridwatch.lock.order.inversion'
  | 'gridwatch.wait.long'
  | 'gridwatch.finding';

export const LOCK_LOGS: Readonly<Record<LockEvent, LogDefinition>> = {
  'gridwatch.deadlock': {
    severity: 'error',
    brief: 'Threads or activities wait for one another for ever.',
    attributes: [
      'gridwatch.lock.name',
      'gridwatch.contended',
      'gridwatch.deadlock.cycle',
      'gridwatch.deadlock.size',
      ...TRACE,
    ],
  },
  'gridwatch.lock.abandoned': {
    severity: 'warn',
    brief:
      'A thread ended while it held a lock, sent an item to a channel or waited at a barrier. Its next holder is told; the item is lost, the round broken.',
    attributes: [
      'gridwatch.lock.name',
      'gridwatch.lock.kind',
      'gridwatch.lock.mode',
      'gridwatch.lock.instance',
      ...THREAD,
    ],
  },
  'gridwatch.lock.order.inversion': {
    severity: 'warn',
    brief: 'Two locks are taken in both orders, which may deadlock one day.',
    attributes: ['gridwatch.lock.name', 'gridwatch.lock.kind', 'gridwatch.lock.held.name', ...THREAD, ...CODE],
  },
  'gridwatch.wait.long': {
    severity: 'warn',
    brief: 'A wait for a lock goes on and on.',
    attributes: [
      ...THREAD,
      ...LOCK,
      'gridwatch.contended',
      'gridwatch.wait.duration',
      'gridwatch.lock.holder.thread.id',
      'gridwatch.lock.holder.thread.name',
      'gridwatch.lock.holder.site',
      ...CODE,
    ],
  },
  'gridwatch.finding': {
    severity: 'warn',
    brief: 'Something is wrong with how the program uses its locks, queues or pools.',
    attributes: [
      'gridwatch.finding',
      'gridwatch.queue.name',
      'gridwatch.queue.kind',
      ...THREAD,
      ...LOCK,
      ...HOLDER,
      ...CODE,
      ...TRACE,
      ...OTHER_THREAD,
      'gridwatch.lock.held.name',
      'gridwatch.wait.duration',
      'gridwatch.deadlock.cycle',
      'gridwatch.deadlock.size',
      'gridwatch.race.index',
    ],
  },
};
