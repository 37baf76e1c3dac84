/**
 * The attributes of metrics. Plain data, read by the agent thread. An attribute with a list of values is closed; it never has another value, and its
 * series stay apart among the `_OTHER`.
 */

export const ATTRIBUTES = {
  'thread.name': {
    type: 'string',
    brief: "`main`, a worker's own name, or `worker-<k>`; unique among the live threads.",
  },
  'gridwatch.thread.role': {
    type: 'string',
    values: ['main', 'worker', 'agent', 'libuv', 'v8', 'other'],
    brief: 'What the thread is for.',
  },
  'gridwatch.thread.state': {
    type: 'string',
    values: ['running', 'runnable', 'waiting_lock', 'waiting_queue', 'parked', 'idle', 'blocked_io', 'unknown'],
    brief: 'What the thread did with the time; what could not be told is `unknown`.',
  },
  'error.type': {
    type: 'string',
    values: ['exit_code', 'uncaught', 'terminated', 'out_of_memory'],
    brief: 'Why a thread ended; absent when it ended cleanly.',
  },
  'cpu.mode': {
    type: 'string',
    values: ['user', 'system', 'nice', 'idle', 'iowait', 'interrupt', 'steal', 'kernel'],
    brief: 'The mode of the CPU.',
  },
  'cpu.logical_number': { type: 'int', brief: 'The logical CPU, from 0.' },
  'process.context_switch.type': {
    type: 'string',
    values: ['voluntary', 'involuntary'],
    brief: 'Whether the thread gave up the CPU or was taken off it.',
  },
  'v8js.gc.type': {
    type: 'string',
    values: ['minor', 'major', 'incremental', 'weakcb'],
    brief: 'The type of garbage collection.',
  },
  'v8js.heap.space.name': {
    type: 'string',
    values: [
      'read_only_space',
      'new_space',
      'old_space',
      'code_space',
      'shared_space',
      'trusted_space',
      'shared_trusted_space',
      'new_large_object_space',
      'large_object_space',
      'code_large_object_space',
      'shared_large_object_space',
      'shared_trusted_large_object_space',
      'trusted_large_object_space',
      '_OTHER',
    ],
    brief: "A space of V8's heap; of a worker `new_space`, `old_space` and, for all others together, `_OTHER`.",
  },
  'nodejs.eventloop.state': {
    type: 'string',
    values: ['active', 'idle'],
    brief: 'Whether the event loop had something to do.',
  },
  'gridwatch.pressure.resource': {
    type: 'string',
    values: ['cpu', 'memory', 'io'],
    brief: 'What was lacking.',
  },
  'gridwatch.pressure.kind': {
    type: 'string',
    values: ['some', 'full'],
    brief: 'Whether some or all tasks stood still.',
  },
  'gridwatch.record.kind': {
    type: 'string',
    values: [
      'corrupt',
      'gc',
      'eventloop',
      'wait',
      'order',
      'race',
      'message',
      'task',
      'lock',
      'queue',
      'name',
      'thread',
      'span',
      'log',
      'metric',
    ],
    brief: 'What was lost.',
  },
  'gridwatch.signal': { type: 'string', values: ['traces', 'metrics', 'logs'], brief: 'The OTLP signal.' },
  'gridwatch.feature': { type: 'string', brief: 'A name of GRIDWATCH_FEATURES, or the part of the agent that is off.' },
  'gridwatch.reason': {
    type: 'string',
    values: [
      'unsupported_platform',
      'no_permission',
      'several_api_versions',
      'node22_als',
      'ledger_poisoned',
      'budget',
      'configured',
      'failed',
    ],
    brief: 'Why the feature is off.',
  },
} as const;
