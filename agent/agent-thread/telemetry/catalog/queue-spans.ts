/**
 * The spans of messages and tasks. Plain data, read by the agent thread.
 */
import type { SpanDefinition } from './definitions.ts';

const THREAD = ['thread.id', 'thread.name', 'gridwatch.thread.os_id'] as const;
const QUEUE = ['gridwatch.queue.name', 'gridwatch.queue.kind', 'gridwatch.queue.direction'] as const;

type QueueSpan = 'send <queue>' | 'process <queue>' | 'task <queue>' | 'queue.wait <queue>';

export const QUEUE_SPANS: Readonly<Record<QueueSpan, SpanDefinition>> = {
  'send <queue>': {
    kind: 'producer',
    brief: 'A message on its way, from the post to the delivery (PRODUCER).',
    when: 'transit of 20 ms and more (`GRIDWATCH_QUEUE_THRESHOLD_MS`), or the receiver did something that has a span',
    attributes: [...THREAD, ...QUEUE, 'gridwatch.message.transit', 'gridwatch.queue.depth', 'gridwatch.contended'],
    feature: 'messages',
  },
  'process <queue>': {
    kind: 'consumer',
    brief: 'What the receiver did with it, to the end of the synchronous part (CONSUMER, child of the `send`).',
    when: 'beside each `send`',
    attributes: [...THREAD, ...QUEUE],
    feature: 'messages',
  },
  'task <queue>': {
    brief: 'A task of a pool, or an item of a queue, from submission to its end; the work of the worker is inside.',
    when: 'tasks of pools in a sampled trace; of any queue after a wait of 20 ms and more (`GRIDWATCH_QUEUE_THRESHOLD_MS`)',
    attributes: [
      ...THREAD,
      'gridwatch.queue.name',
      'gridwatch.queue.kind',
      'gridwatch.task.outcome',
      'gridwatch.task.thread.name',
      'gridwatch.span.energy',
      'code.file.path',
      'code.line.number',
    ],
    feature: ['pools', 'queues'],
  },
  'queue.wait <queue>': {
    brief: 'The part of a task that it waited, a child of its `task`.',
    when: 'beside a `task` that waited for 1 ms and more',
    attributes: [...THREAD, 'gridwatch.queue.name', 'gridwatch.queue.kind', 'gridwatch.contended'],
    feature: ['pools', 'queues'],
  },
};
