/**
 * The attributes of locks: those of metrics, and those that only spans and log records have. Plain data, read by the agent thread.
 */

export const LOCK_ATTRIBUTES = {
  'gridwatch.lock.name': {
    type: 'string',
    brief:
      "The lock's class: the name it was given, `<what>@<file>:<line>` of its construction where it was given none; digits and ids in keys are `*`.",
  },
  'gridwatch.lock.kind': {
    type: 'string',
    values: ['mutex', 'rwlock', 'semaphore', 'condition', 'barrier', 'web_lock', 'atomics', 'promise'],
    brief: 'What kind of lock it is.',
  },
  'gridwatch.lock.mode': {
    type: 'string',
    values: ['exclusive', 'shared'],
    brief: 'Whether it was wanted for one holder alone.',
  },
  'gridwatch.lock.holder.site': {
    type: 'string',
    brief:
      'Where the holder took the lock, `file:line`; empty where that is not known. On metrics the five worst of a lock.',
  },
  'gridwatch.finding': {
    type: 'string',
    values: [
      'starvation',
      'convoy',
      'held_across_gc',
      'held_across_turn',
      'lost_wakeup',
      'pool_starvation',
      'suspected_deadlock',
      'race',
    ],
    brief: 'What was found.',
  },
  'gridwatch.lock.instance': {
    type: 'string',
    brief: 'Which lock of the class: a key, the name of a Web Lock; only with `GRIDWATCH_NAMES=full`.',
  },
  'gridwatch.lock.held.name': { type: 'string', brief: 'The class of a lock that was held meanwhile.' },
  'gridwatch.contended': { type: 'boolean', brief: 'Something had to wait: what tail sampling keys on.' },
  'gridwatch.wait.outcome': {
    type: 'string',
    values: ['acquired', 'timeout', 'aborted', 'deadlock'],
    brief: 'How the wait ended; absent while it goes on.',
  },
  'gridwatch.wait.ongoing': { type: 'boolean', brief: 'The wait had not ended when it was told of.' },
  'gridwatch.wait.duration': { type: 'double', brief: 'How long it has waited so far, in seconds.' },
  'gridwatch.lock.holder.thread.id': { type: 'int', brief: "Node's `threadId` of who held the lock." },
  'gridwatch.lock.holder.thread.name': { type: 'string', brief: 'The `thread.name` of who held the lock.' },
  'gridwatch.lock.holder.stacktrace': {
    type: 'string',
    brief: "The holder's stack when it released the lock, as V8 writes it; only with `GRIDWATCH_STACKS=all`.",
  },
  'gridwatch.deadlock.cycle': {
    type: 'string',
    brief: 'Who waits for which lock, held by whom, around to the first again.',
  },
  'gridwatch.deadlock.size': { type: 'int', brief: 'How many threads and activities take part.' },
  'gridwatch.deadlock.aborted': {
    type: 'boolean',
    brief: 'This wait is ended with an error (`GRIDWATCH_DEADLOCK_ACTION=abort`).',
  },
  'gridwatch.trace_id': { type: 'string', brief: 'The trace that was active there.' },
  'gridwatch.span_id': { type: 'string', brief: 'The span that was active there.' },
  'gridwatch.other.thread.id': { type: 'int', brief: "Node's `threadId` of the other thread." },
  'gridwatch.other.thread.name': { type: 'string', brief: 'The `thread.name` of the other thread.' },
  'gridwatch.other.stacktrace': { type: 'string', brief: "The other thread's stack, as V8 writes it." },
  'gridwatch.other.trace_id': { type: 'string', brief: 'The trace that was active on the other thread.' },
  'gridwatch.other.span_id': { type: 'string', brief: 'The span that was active on the other thread.' },
  'gridwatch.race.index': { type: 'int', brief: 'The index of the element that both threads touched.' },
} as const;
