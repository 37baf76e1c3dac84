/** Garbage collection, the heaps of the threads, and the memory of the process. Runs in the process of `npm run dashboards`. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import type { DashboardText } from './dashboard.ts';
import { traces } from './links.ts';
import { histogram, lines, stack } from './panels.ts';
import { buckets, max, quantile, rate, series, sum } from './queries.ts';

const PAUSES = 'v8js_gc_duration_seconds';
const USED = sum(series('v8js_memory_heap_used_bytes'), 'instance', 'thread_name');
const LIMIT = sum(series('gridwatch_thread_heap_limit_bytes'), 'instance', 'thread_name');
/** Where the application measures its heap itself, it does not say that this is the main thread's. */
const USED_OF_MAIN = sum(series('v8js_memory_heap_used_bytes', 'thread_name=""'), 'instance');
const LIMIT_OF_MAIN = sum(series('gridwatch_thread_heap_limit_bytes', 'thread_name="main"'), 'instance');
const HELD = sum(series('v8js_memory_heap_space_size_bytes'), 'instance', 'thread_name');

const pauseTraces = ['minor', 'major', 'incremental'].map((type) =>
  traces(`Pauses in Jaeger, ${type}`, `gc%20${type}`),
);

export const gc: DashboardText = {
  area: 'gc',
  title: 'Gridwatch garbage collection and memory',
  description: 'How long threads stand still for garbage collection, and what fills their heaps.',
  rows: [
    {
      heading: 'Garbage collection',
      panels: [
        lines({
          id: 1,
          title: 'Time in garbage collection',
          description: 'Part of the time that each thread stands still for it, in the worst process.',
          unit: units.PercentUnit,
          queries: [[max(sum(rate(`${PAUSES}_sum`), 'instance', 'thread_name'), 'thread_name'), '{{thread_name}}']],
          links: pauseTraces,
        }),
        histogram({
          id: 2,
          title: 'Pauses',
          description:
            'How many pauses took how long, of all threads. Those of 10 ms and more are spans, inside the request that they held up.',
          unit: units.Seconds,
          queries: [[buckets(PAUSES), '{{le}}']],
          links: pauseTraces,
        }),
        lines({
          id: 3,
          title: 'Pauses, p99',
          description: 'What 99 % of the pauses do not exceed, by thread and type, in the worst process.',
          unit: units.Seconds,
          queries: [[quantile(0.99, PAUSES, '', 'thread_name', 'v8js_gc_type'), '{{thread_name}} {{v8js_gc_type}}']],
          links: pauseTraces,
        }),
        lines({
          id: 4,
          title: 'Collections',
          description: 'How often, by thread and type.',
          unit: units.CountsPerSecond,
          queries: [[sum(rate(`${PAUSES}_count`), 'thread_name', 'v8js_gc_type'), '{{thread_name}} {{v8js_gc_type}}']],
        }),
      ],
    },
    {
      heading: 'Heaps',
      panels: [
        lines({
          id: 10,
          title: 'How full each heap is',
          description:
            'Used part of the limit, in the worst process. At 1 a worker ends, and the main thread takes the process with it.',
          unit: units.PercentUnit,
          queries: [
            [max(`${USED} / ${LIMIT} or ${USED_OF_MAIN} / ${LIMIT_OF_MAIN}`, 'thread_name'), '{{thread_name}}'],
          ],
        }),
        lines({
          id: 11,
          title: 'Size of each heap',
          description: 'Used, held from the system, and the limit, in the process in which it is greatest.',
          unit: units.BytesIEC,
          queries: [
            [max(USED, 'thread_name'), '{{thread_name}} used'],
            [max(HELD, 'thread_name'), '{{thread_name}} held'],
            [max(LIMIT, 'thread_name'), '{{thread_name}} limit'],
          ],
        }),
        stack({
          id: 12,
          title: 'Heaps by space',
          description: 'What is used of each space, all threads together: an old space that only grows is a leak.',
          unit: units.BytesIEC,
          queries: [[sum(series('v8js_memory_heap_used_bytes'), 'v8js_heap_space_name'), '{{v8js_heap_space_name}}']],
        }),
        lines({
          id: 13,
          title: 'Memory outside of the heaps',
          description: 'What the objects of each thread keep outside of its heap, and the array buffers among it.',
          unit: units.BytesIEC,
          queries: [
            [sum(series('gridwatch_thread_memory_external_bytes'), 'thread_name'), '{{thread_name}} external'],
            [
              sum(series('gridwatch_thread_memory_array_buffers_bytes'), 'thread_name'),
              '{{thread_name}} array buffers',
            ],
          ],
        }),
        lines({
          id: 14,
          title: 'Allocation',
          description: 'What each thread allocates in its heap: the cause of the collections. From Node 26 on.',
          unit: units.BytesPerSecondIEC,
          queries: [[sum(rate('gridwatch_thread_memory_allocated_bytes_total'), 'thread_name'), '{{thread_name}}']],
        }),
        lines({
          id: 15,
          title: 'Memory of the processes',
          description: 'Physical memory of each process, heaps and all else.',
          unit: units.BytesIEC,
          queries: [[max(series('process_memory_usage_bytes'), 'instance'), '{{instance}}']],
        }),
      ],
    },
    {
      heading: 'Container',
      panels: [
        lines({
          id: 20,
          title: 'Memory of the container',
          description: 'With and without the file caches that the kernel could drop, and what it may use.',
          unit: units.BytesIEC,
          width: 24,
          queries: [
            [max(series('container_memory_usage_bytes'), 'instance'), '{{instance}} usage'],
            [max(series('container_memory_working_set_bytes'), 'instance'), '{{instance}} working set'],
            [max(series('gridwatch_container_memory_limit_bytes'), 'instance'), '{{instance}} limit'],
          ],
        }),
      ],
    },
  ],
};
