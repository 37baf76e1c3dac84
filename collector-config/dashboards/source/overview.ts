/** Where to begin: whether anything is wrong with a service, and which of the other dashboards shows it. Runs in the process of `npm run dashboards`. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import type { DashboardText } from './dashboard.ts';
import { dashboardAbout, label, traces } from './links.ts';
import { lines, list, number, stack } from './panels.ts';
import { firing, increase, max, rate, series, sum, top } from './queries.ts';

export const overview: DashboardText = {
  area: 'overview',
  title: 'Gridwatch overview',
  description: 'What the threads of a service do to each other: where to begin.',
  rows: [
    {
      heading: 'Now',
      panels: [
        number({
          id: 1,
          title: 'Processes',
          description: 'Processes that have told of themselves in the last minutes.',
          unit: units.Short,
          queries: [[`count(${series('gridwatch_agent_uptime_seconds')})`, 'processes']],
        }),
        number({
          id: 2,
          title: 'Deadlocked',
          description:
            'Threads and activities that wait for each other in a circle. Anything above 0 goes away with a restart only.',
          unit: units.Short,
          queries: [[sum(series('gridwatch_deadlock_thread_count')), 'deadlocked']],
        }),
        number({
          id: 3,
          title: 'Waiting for locks',
          description:
            'Threads and activities that wait for a lock. Idle threads of a pool that parks them count, too.',
          unit: units.Short,
          queries: [[sum(series('gridwatch_lock_waiter_count')), 'waiting']],
        }),
        number({
          id: 4,
          title: 'Items in queues',
          description: 'Items that wait in pools, queues and ports.',
          unit: units.Short,
          queries: [[sum(series('gridwatch_queue_size')), 'items']],
        }),
        number({
          id: 5,
          title: 'Power',
          description: 'What the processes draw, their share of the idle machine included.',
          unit: units.Watt,
          queries: [[sum(rate('gridwatch_process_energy_joules_total')), 'power']],
        }),
        number({
          id: 6,
          title: 'Findings',
          description:
            'What was found wrong, in the time shown, with how the program uses its locks, queues and pools.',
          unit: units.Short,
          queries: [[`sum(increase(${series('gridwatch_findings_total')}[$__range]))`, 'findings']],
        }),
        list({
          id: 17,
          title: 'Alerts that fire',
          description:
            'Of this service, with what they are about. None is as it should be; what to do is in the runbooks.',
          unit: units.Short,
          width: 24,
          height: 5,
          hasNoValue: true,
          queries: [
            [
              firing('alertname', 'severity', 'gridwatch_lock_name', 'gridwatch_queue_name', 'thread_name'),
              '{{alertname}}',
            ],
          ],
        }),
        stack({
          id: 7,
          title: 'What its own threads do',
          description:
            'Main threads and workers by state: 1 is one thread all the time. Waiting is blocked at a lock or queue, runnable is ready and without a CPU.',
          unit: units.Short,
          queries: [
            [
              sum(
                rate('gridwatch_thread_state_time_seconds_total', 'gridwatch_thread_role=~"main|worker"'),
                'gridwatch_thread_state',
              ),
              '{{gridwatch_thread_state}}',
            ],
          ],
          links: [dashboardAbout('Threads and cores', 'threads')],
        }),
        lines({
          id: 8,
          title: 'CPU of each process',
          description: 'CPU time over the CPU time that the process could have used.',
          unit: units.PercentUnit,
          queries: [[sum(series('process_cpu_utilization_ratio'), 'instance'), '{{instance}}']],
        }),
        lines({
          id: 9,
          title: 'Locks that cost most',
          description: 'Threads that wait for the lock at once, on average.',
          unit: units.Short,
          queries: [
            [
              top(sum(rate('gridwatch_lock_wait_duration_seconds_sum'), 'gridwatch_lock_name')),
              '{{gridwatch_lock_name}}',
            ],
          ],
          links: [dashboardAbout('This lock', 'locks', `var-lock=${label('gridwatch_lock_name')}`)],
        }),
        lines({
          id: 10,
          title: 'Queues that cost most',
          description: 'Items that wait in the queue at once, on average.',
          unit: units.Short,
          queries: [
            [
              top(sum(rate('gridwatch_queue_wait_duration_seconds_sum'), 'gridwatch_queue_name')),
              '{{gridwatch_queue_name}}',
            ],
          ],
          links: [dashboardAbout('This queue', 'queues', `var-queue=${label('gridwatch_queue_name')}`)],
        }),
        lines({
          id: 11,
          title: 'Event loop delay, p99',
          description:
            'By how much the event loop of each thread is late, in the worst process; 1 % of the turns are later.',
          unit: units.Seconds,
          queries: [[max(series('nodejs_eventloop_delay_p99_seconds'), 'thread_name'), '{{thread_name}}']],
          links: [traces('Blocked event loops in Jaeger', 'eventloop.blocked')],
        }),
        lines({
          id: 12,
          title: 'Time in garbage collection',
          description: 'Part of the time that each thread stands still for it, in the worst process.',
          unit: units.PercentUnit,
          queries: [
            [
              max(sum(rate('v8js_gc_duration_seconds_sum'), 'instance', 'thread_name'), 'thread_name'),
              '{{thread_name}}',
            ],
          ],
          links: [dashboardAbout('Garbage collection and memory', 'gc')],
        }),
        lines({
          id: 13,
          title: 'Memory of each process',
          description: 'Physical memory, all threads and the agent included.',
          unit: units.BytesIEC,
          queries: [[max(series('process_memory_usage_bytes'), 'instance'), '{{instance}}']],
        }),
        lines({
          id: 14,
          title: 'Threads that failed',
          description: 'Threads that did not end cleanly, by the reason.',
          unit: units.Short,
          queries: [[sum(increase('gridwatch_thread_exits_total', 'error_type!=""'), 'error_type'), '{{error_type}}']],
          links: [traces('Failed threads in Jaeger', 'incident%20gridwatch.thread.failed')],
        }),
        lines({
          id: 15,
          title: 'Findings by kind',
          description: 'What was found wrong with how the program uses its locks, queues and pools.',
          unit: units.Short,
          queries: [[sum(increase('gridwatch_findings_total'), 'gridwatch_finding'), '{{gridwatch_finding}}']],
          links: [traces('Findings in Jaeger', 'incident%20gridwatch.finding')],
        }),
        lines({
          id: 16,
          title: 'Age of each process',
          description: 'Time since the process started: where it falls, there was a restart.',
          unit: units.DurationSeconds,
          queries: [[max(series('process_uptime_seconds'), 'instance'), '{{instance}}']],
        }),
      ],
    },
  ],
};
