/**
 * Metrics of the memory of threads: each thread of Node has a heap of its own. Plain data, read by the agent thread.
 *
 * A thread writes them every 5 s, where its event loop turns or it is about to block. One that does neither is left out until it does.
 */

export const MEMORY_METRICS = {
  'v8js.memory.heap.used': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: "Used part of a space of the thread's heap; a worker's smaller spaces together are `_OTHER`.",
    attributes: ['thread.name', 'v8js.heap.space.name'],
    family: 'threads',
    feature: 'heap',
    isInteger: true,
  },
  'v8js.memory.heap.space.size': {
    instrument: 'updowncounter',
    unit: 'By',
    brief:
      "Size of a space of the thread's heap, free parts included; a worker's smaller spaces together are `_OTHER`.",
    attributes: ['thread.name', 'v8js.heap.space.name'],
    family: 'threads',
    feature: 'heap',
    isInteger: true,
  },
  'gridwatch.thread.heap.limit': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: "Size at which the thread's heap is full: a worker then ends, the main thread takes the process with it.",
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'heap',
    isInteger: true,
  },
  'gridwatch.thread.memory.external': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: "Memory outside the thread's heap that its objects keep, array buffers included.",
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'heap',
    isInteger: true,
  },
  'gridwatch.thread.memory.array_buffers': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: 'Memory of the array buffers and Buffers of the thread.',
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'heap',
    isInteger: true,
  },
  'gridwatch.thread.memory.allocated': {
    instrument: 'counter',
    unit: 'By',
    brief: "Allocated in the thread's heap since it began; from Node 26 on, whose V8 counts it.",
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'heap',
    isInteger: true,
  },
} as const;
