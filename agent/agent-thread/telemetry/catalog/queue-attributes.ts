/**
 * The attributes of queues, messages and pools. Plain data, read by the agent thread.
 */

export const QUEUE_ATTRIBUTES = {
  'gridwatch.queue.name': {
    type: 'string',
    brief:
      "A pool: `<library>@<worker file>`; a worker's own port: its `thread.name`; any other queue or port `<what>@<file>:<line>` of its construction, or the name it was given.",
  },
  'gridwatch.queue.kind': {
    type: 'string',
    values: [
      'message_port',
      'broadcast',
      'pool',
      'task_queue',
      'channel',
      'ipc',
      'libuv',
      'http_agent',
      'connection_pool',
    ],
    brief: 'What kind of queue it is.',
  },
  'gridwatch.queue.direction': {
    type: 'string',
    values: ['to_worker', 'to_parent'],
    brief: "Which way, of a worker's own port and of IPC; absent elsewhere.",
  },
  'gridwatch.pool.thread.state': {
    type: 'string',
    values: ['active', 'idle'],
    brief: 'Whether it works on something.',
  },
  'db.client.connection.pool.name': {
    type: 'string',
    brief: '`gridwatch.queue.name` of the pool: `<library>@<file>:<line>` of its construction.',
  },
  'gridwatch.message.transit': { type: 'double', brief: 'From the post to the delivery, in seconds.' },
  'gridwatch.queue.depth': { type: 'int', brief: 'How many messages were on their way before it.' },
  'gridwatch.task.outcome': {
    type: 'string',
    values: ['done', 'failed', 'aborted', 'rejected'],
    brief: 'How the task ended.',
  },
  'gridwatch.task.thread.name': { type: 'string', brief: 'The `thread.name` of the worker that served it.' },
} as const;
