/**
 * The spans of the agent and its log records. Plain data, read by the agent thread.
 */

import type { SpanDefinition } from './definitions.ts';
import { LOCK_INCIDENT, LOCK_LOGS, LOCK_SPANS } from './lock-spans.ts';
import { QUEUE_SPANS } from './queue-spans.ts';

/** What any span may have: what it stands for, and the parent it was not given because that is not sampled. */
export const ANY_SPAN = [
  'gridwatch.suppressed',
  'gridwatch.suppressed.time',
  'gridwatch.parent.trace_id',
  'gridwatch.parent.span_id',
] as const;

/** What any log record may have. */
export const ANY_LOG = ['gridwatch.suppressed'] as const;

const OTHER_SPANS = {
  'gc <type>': {
    brief: 'A pause of garbage collection.',
    when: '10 ms and more (`GRIDWATCH_GC_THRESHOLD_MS`) inside each request that it held up; 100 ms and more where there is none',
    attributes: ['thread.id', 'thread.name', 'gridwatch.thread.os_id', 'v8js.gc.type'],
    feature: 'gc',
  },
  'eventloop.blocked': {
    brief:
      "A turn of the event loop that held the CPU. The main thread's stack comes from Node's inspector; there is no way to a worker's.",
    when: '100 ms of CPU and more (`GRIDWATCH_LOOP_THRESHOLD_MS`); after 10 s also while it goes on, of the main thread with its stack',
    attributes: [
      'thread.id',
      'thread.name',
      'gridwatch.thread.os_id',
      'gridwatch.span.cpu.time',
      'gridwatch.eventloop.ongoing',
      'code.stacktrace',
      'code.function.name',
      'code.file.path',
      'code.line.number',
    ],
    feature: 'eventloop',
  },
  'worker.start <name>': {
    brief: 'From `new Worker` to the first user code, or to the failure.',
    when: 'every worker, as a child of the span that was active there; failures always, with error status',
    attributes: [
      'thread.id',
      'thread.name',
      'gridwatch.thread.os_id',
      'gridwatch.thread.file',
      'code.file.path',
      'code.line.number',
      'error.type',
      'gridwatch.thread.exit_code',
    ],
  },
} as const;

const INCIDENTS: Readonly<Record<'incident <event>', SpanDefinition>> = {
  'incident <event>': {
    brief: 'A log record for those who have Jaeger only; zero length.',
    when: 'beside each log record of WARN and up that has no span of its own',
    attributes: [
      'thread.id',
      'thread.name',
      'gridwatch.thread.os_id',
      'gridwatch.thread.file',
      'code.file.path',
      'code.line.number',
      'error.type',
      'gridwatch.thread.exit_code',
      'gridwatch.feature',
      'gridwatch.reason',
      ...LOCK_INCIDENT,
    ],
  },
};

export const SPANS: typeof OTHER_SPANS & typeof LOCK_SPANS & typeof QUEUE_SPANS & typeof INCIDENTS = {
  ...OTHER_SPANS,
  ...LOCK_SPANS,
  ...QUEUE_SPANS,
  ...INCIDENTS,
};

const OTHER_LOGS = {
  'gridwatch.thread.failed': {
    severity: 'error',
    brief: 'A worker ended with an error, or before its first user code.',
    attributes: [
      'thread.id',
      'thread.name',
      'gridwatch.thread.os_id',
      'gridwatch.thread.file',
      'code.file.path',
      'code.line.number',
      'error.type',
      'gridwatch.thread.exit_code',
    ],
  },
  'gridwatch.agent.degraded': {
    severity: 'warn',
    brief: 'The agent leaves something out, and what.',
    attributes: ['gridwatch.feature', 'gridwatch.reason', 'gridwatch.queue.name'],
  },
} as const;

export const LOG_EVENTS: typeof OTHER_LOGS & typeof LOCK_LOGS = { ...OTHER_LOGS, ...LOCK_LOGS };
