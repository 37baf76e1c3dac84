/** Threads, their event loops, and the CPUs that they compete for. Runs in the process of `npm run dashboards`. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import { choices, type DashboardText } from './dashboard.ts';
import { traces } from './links.ts';
import { histogram, lines, number, shares, stack } from './panels.ts';
import { avg, buckets, increase, max, ofHost, rate, series, sum } from './queries.ts';

const STATES = 'gridwatch_thread_state_time_seconds_total';
const THREAD = 'thread_name=~"$thread"';

const threadPanels = [
  stack({
    id: 1,
    title: 'What the threads do',
    description:
      'The chosen threads by state: 1 is one thread all the time. Waiting is blocked at a lock or queue that is known, runnable is ready and without a CPU, parked is a wait that nobody claims.',
    unit: units.Short,
    queries: [[sum(rate(STATES, THREAD), 'gridwatch_thread_state'), '{{gridwatch_thread_state}}']],
  }),
  shares({
    id: 2,
    title: 'How busy each thread is',
    description: 'Part of the time that the thread runs on a CPU, on average over the processes.',
    unit: units.PercentUnit,
    queries: [[avg(rate(STATES, `${THREAD}, gridwatch_thread_state="running"`), 'thread_name'), '{{thread_name}}']],
  }),
  lines({
    id: 3,
    title: 'Waiting',
    description: 'Part of the time that each thread waits for a lock or a queue, in the worst process.',
    unit: units.PercentUnit,
    queries: [
      [
        max(
          rate(STATES, `${THREAD}, gridwatch_thread_state=~"waiting_lock|waiting_queue"`),
          'thread_name',
          'gridwatch_thread_state',
        ),
        '{{thread_name}} {{gridwatch_thread_state}}',
      ],
    ],
  }),
  lines({
    id: 4,
    title: 'Ready, and without a CPU',
    description:
      'Part of the time that each thread is runnable, in the worst process: more threads want to run than there are CPUs.',
    unit: units.PercentUnit,
    queries: [[max(rate(STATES, `${THREAD}, gridwatch_thread_state="runnable"`), 'thread_name'), '{{thread_name}}']],
  }),
  stack({
    id: 5,
    title: 'CPU time by thread',
    description: 'CPUs that each thread keeps busy, by mode; V8 and libuv have threads of their own.',
    unit: units.Short,
    queries: [
      [
        sum(rate('gridwatch_thread_cpu_time_seconds_total', THREAD), 'thread_name', 'cpu_mode'),
        '{{thread_name}} {{cpu_mode}}',
      ],
    ],
  }),
  lines({
    id: 6,
    title: 'Context switches by thread',
    description: 'Voluntary is a wait that begins, involuntary is a CPU taken away.',
    unit: units.CountsPerSecond,
    queries: [
      [
        sum(rate('gridwatch_thread_context_switches_total', THREAD), 'thread_name', 'process_context_switch_type'),
        '{{thread_name}} {{process_context_switch_type}}',
      ],
    ],
  }),
  stack({
    id: 7,
    title: 'Live threads',
    description: 'By what they are for.',
    unit: units.Short,
    width: 8,
    queries: [[sum(series('gridwatch_thread_count'), 'gridwatch_thread_role'), '{{gridwatch_thread_role}}']],
  }),
  lines({
    id: 8,
    title: 'Threads that ended',
    description: 'By the reason, which is empty where the thread ended cleanly.',
    unit: units.Short,
    width: 8,
    queries: [[sum(increase('gridwatch_thread_exits_total'), 'error_type'), 'ended {{error_type}}']],
    links: [traces('Failed threads in Jaeger', 'incident%20gridwatch.thread.failed')],
  }),
  histogram({
    id: 9,
    title: 'Start of workers',
    description: 'From the making of a worker to its first line of user code.',
    unit: units.Seconds,
    width: 8,
    queries: [[buckets('gridwatch_thread_startup_duration_seconds'), '{{le}}']],
  }),
];

const loopPanels = [
  lines({
    id: 20,
    title: 'Event loop utilization',
    description:
      'Active part of the time of each event loop, in the worst process; parked in a raw Atomics.wait is idle.',
    unit: units.PercentUnit,
    queries: [[max(series('nodejs_eventloop_utilization_ratio', THREAD), 'thread_name'), '{{thread_name}}']],
  }),
  lines({
    id: 21,
    title: 'Event loop delay',
    description: 'By how much the turns of each event loop are late, in the worst process.',
    unit: units.Seconds,
    queries: ['max', 'p99', 'p90', 'p50'].map((part) => [
      max(series(`nodejs_eventloop_delay_${part}_seconds`, THREAD), 'thread_name'),
      `{{thread_name}} ${part}`,
    ]),
    links: [traces('Blocked event loops in Jaeger', 'eventloop.blocked')],
  }),
  lines({
    id: 22,
    title: 'Spread of the event loop delay',
    description: 'Least, mean and standard deviation, in the worst process.',
    unit: units.Seconds,
    queries: ['min', 'mean', 'stddev'].map((part) => [
      max(series(`nodejs_eventloop_delay_${part}_seconds`, THREAD), 'thread_name'),
      `{{thread_name}} ${part}`,
    ]),
  }),
  stack({
    id: 23,
    title: 'Time of the event loops',
    description: 'Event loops that are active, and that have nothing to do: 1 is one of them all the time.',
    unit: units.Short,
    queries: [
      [
        sum(rate('nodejs_eventloop_time_seconds_total', THREAD), 'nodejs_eventloop_state'),
        '{{nodejs_eventloop_state}}',
      ],
    ],
  }),
];

const cpuPanels = [
  shares({
    id: 30,
    title: 'How busy each CPU is',
    description: 'Part of the time that each CPU of the machine is not idle, whoever uses it.',
    unit: units.PercentUnit,
    queries: [
      [
        `1 - ${ofHost('system_cpu_utilization_ratio{cpu_mode="idle"}', 'cpu_logical_number')}`,
        '{{host_name}} CPU {{cpu_logical_number}}',
      ],
    ],
  }),
  stack({
    id: 31,
    title: 'What the CPUs do',
    description: 'By mode, on average over the CPUs of each machine.',
    unit: units.PercentUnit,
    queries: [[ofHost('system_cpu_utilization_ratio', 'cpu_mode'), '{{host_name}} {{cpu_mode}}']],
  }),
  lines({
    id: 32,
    title: 'Threads at once, and CPUs for them',
    description:
      'Demand is threads that run, want to run or wait for a lock: where it is above parallelism, something other than the load is the limit; all processes together, but for the last. CPUs are those of one machine.',
    unit: units.Short,
    queries: [
      [sum(series('gridwatch_cpu_parallelism')), 'parallelism'],
      [sum(series('gridwatch_cpu_demand')), 'demand'],
      [ofHost('system_cpu_logical_count'), 'CPUs of {{host_name}}'],
      [ofHost('system_cpu_physical_count'), 'cores of {{host_name}}'],
      [
        max(`${series('gridwatch_cpu_demand')} - ${series('gridwatch_cpu_parallelism')}`),
        'demand above parallelism, in the worst process',
      ],
    ],
  }),
  lines({
    id: 33,
    title: 'CPU time that the machine does not get',
    description:
      'Taken by the hypervisor, or spent waiting for a disk: part of the time of a CPU, on average over those of each machine.',
    unit: units.PercentUnit,
    queries: [
      [
        ofHost('rate(system_cpu_time_seconds_total{cpu_mode=~"steal|iowait"}[$__rate_interval])', 'cpu_mode'),
        '{{host_name}} {{cpu_mode}}',
      ],
    ],
  }),
  lines({
    id: 34,
    title: 'Frequency',
    description: 'Of each CPU, where the machine tells.',
    unit: units.Hertz,
    queries: [[ofHost('system_cpu_frequency_hertz', 'cpu_logical_number'), '{{host_name}} CPU {{cpu_logical_number}}']],
  }),
  stack({
    id: 35,
    title: 'CPU time of the processes',
    description: 'CPUs that the chosen processes keep busy, by mode.',
    unit: units.Short,
    queries: [[sum(rate('process_cpu_time_seconds_total'), 'cpu_mode'), '{{cpu_mode}}']],
  }),
  lines({
    id: 36,
    title: 'Context switches of the processes',
    description: 'Voluntary is a wait that begins, involuntary is a CPU taken away.',
    unit: units.CountsPerSecond,
    queries: [
      [sum(rate('process_context_switches_total'), 'process_context_switch_type'), '{{process_context_switch_type}}'],
    ],
  }),
  number({
    id: 37,
    title: 'Threads as the kernel counts',
    description: 'Threads of all chosen processes, those that Node does not tell of included.',
    unit: units.Short,
    width: 12,
    queries: [[sum(series('process_thread_count')), 'threads']],
  }),
];

const containerPanels = [
  lines({
    id: 40,
    title: 'Throttled periods',
    description: 'Part of the periods in which the container used up its CPU quota and had to stop.',
    unit: units.PercentUnit,
    queries: [
      [
        `${max(rate('gridwatch_cpu_quota_throttled_periods_total'), 'instance')} / ${max(rate('gridwatch_cpu_quota_periods_total'), 'instance')}`,
        '{{instance}}',
      ],
    ],
  }),
  lines({
    id: 41,
    title: 'Time throttled',
    description: 'Time for which the container was stopped, added up by the kernel over its CPUs.',
    unit: units.Short,
    queries: [[max(rate('gridwatch_cpu_throttled_time_seconds_total'), 'instance'), '{{instance}}']],
  }),
  lines({
    id: 42,
    title: 'CPU of the container',
    description: 'CPUs that the container keeps busy, by mode, and how many it may.',
    unit: units.Short,
    queries: [
      [max(rate('container_cpu_time_seconds_total'), 'instance', 'cpu_mode'), '{{instance}} {{cpu_mode}}'],
      [max(series('gridwatch_cpu_quota_limit'), 'instance'), '{{instance}} limit'],
    ],
  }),
  lines({
    id: 43,
    title: 'Pressure',
    description:
      'Part of the time in which some, or all, tasks of the container (outside of one: of the machine) stood still for want of a resource.',
    unit: units.PercentUnit,
    queries: [
      [
        ofHost(
          'rate(gridwatch_pressure_time_seconds_total[$__rate_interval])',
          'gridwatch_pressure_resource',
          'gridwatch_pressure_kind',
        ),
        '{{host_name}} {{gridwatch_pressure_resource}} {{gridwatch_pressure_kind}}',
      ],
    ],
  }),
];

export const threads: DashboardText = {
  area: 'threads',
  title: 'Gridwatch threads and cores',
  description: 'What each thread does with its time, and what the CPUs do.',
  variables: [
    choices('thread', 'Thread', STATES, 'thread_name'),
    choices('host', 'Machine', 'target_info', 'host_name'),
  ],
  rows: [
    { heading: 'Threads', panels: threadPanels },
    { heading: 'Event loops', panels: loopPanels },
    { heading: 'CPUs', panels: cpuPanels },
    { heading: 'Container', panels: containerPanels },
  ],
};
