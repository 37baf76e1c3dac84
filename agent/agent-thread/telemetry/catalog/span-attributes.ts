/**
 * The attributes that only spans and log records have. Plain data, read by the agent thread.
 */

export const SPAN_ATTRIBUTES = {
  'thread.id': { type: 'int', brief: "Node's `threadId`." },
  'gridwatch.thread.os_id': { type: 'int', brief: "The kernel's number of the thread; absent where it is not known." },
  'gridwatch.thread.file': {
    type: 'string',
    brief: "The worker's file, relative to the working folder, or the last two parts of its path.",
  },
  'gridwatch.thread.exit_code': { type: 'int', brief: 'The exit code of the worker.' },
  'code.file.path': {
    type: 'string',
    brief:
      'Where it was caused: the file of the `new Worker` or of the innermost frame, relative to the working folder.',
  },
  'code.line.number': { type: 'int', brief: 'The line in that file.' },
  'code.function.name': { type: 'string', brief: 'The function of the innermost frame that is not of Node itself.' },
  'code.stacktrace': {
    type: 'string',
    brief: 'The stack as V8 writes it, at most 32 frames; none with `GRIDWATCH_STACKS=off`.',
  },
  'gridwatch.span.cpu.time': { type: 'double', brief: 'CPU time of the thread within the span, in seconds.' },
  'gridwatch.span.energy': {
    type: 'double',
    brief:
      "Active energy of the task's work on the worker's thread, in joules. In a sampled trace, past 1 ms of CPU time, where the worker had no other task meanwhile.",
  },
  'gridwatch.eventloop.ongoing': { type: 'boolean', brief: 'The turn had not ended when it was told of.' },
  'gridwatch.suppressed': {
    type: 'int',
    brief: 'Spans, or log records, of this name that are not shown, because this one stands for them.',
  },
  'gridwatch.suppressed.time': {
    type: 'double',
    brief: 'How long the spans that are not shown were together, in seconds.',
  },
  'gridwatch.parent.trace_id': { type: 'string', brief: 'The trace it was part of, which is not sampled.' },
  'gridwatch.parent.span_id': { type: 'string', brief: 'The span it was part of, which is not sampled.' },
} as const;
