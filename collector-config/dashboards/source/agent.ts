/** The agent itself: whether it lost anything, what it costs, and what it does not do. Runs in the process of `npm run dashboards`. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import type { DashboardText } from './dashboard.ts';
import { traces } from './links.ts';
import { histogram, lines, list, stack } from './panels.ts';
import { buckets, increase, max, ofCollectors, rate, series, sum } from './queries.ts';

export const agent: DashboardText = {
  area: 'agent',
  title: 'Gridwatch agent',
  description: 'Whether what the other dashboards show is all there is, and what it costs.',
  rows: [
    {
      heading: 'The agent',
      panels: [
        stack({
          id: 1,
          title: 'Records lost',
          description: 'By kind: what is not 0 here is missing in the other dashboards.',
          unit: units.Short,
          queries: [
            [sum(increase('gridwatch_agent_dropped_total'), 'gridwatch_record_kind'), '{{gridwatch_record_kind}}'],
          ],
        }),
        stack({
          id: 2,
          title: 'Exports that failed',
          description: 'By signal. What cannot be sent waits in the spool, until that is full.',
          unit: units.Short,
          queries: [
            [sum(increase('gridwatch_agent_export_failures_total'), 'gridwatch_signal'), '{{gridwatch_signal}}'],
          ],
        }),
        list({
          id: 3,
          title: 'Features that are off',
          description: 'And why: of how many processes.',
          unit: units.Short,
          queries: [
            [sum(series('gridwatch_agent_feature_disabled'), 'gridwatch_feature', 'gridwatch_reason'), 'processes'],
          ],
          links: [traces('What was lost in Jaeger', 'incident%20gridwatch.agent.degraded')],
        }),
        lines({
          id: 4,
          title: 'Spool',
          description: 'Export requests that wait in memory, of each process: at 8 MiB the oldest are lost.',
          unit: units.BytesIEC,
          queries: [[max(series('gridwatch_agent_spool_size_bytes'), 'instance'), '{{instance}}']],
        }),
        lines({
          id: 5,
          title: 'CPU of the agent',
          description: 'Of each process: part of one CPU.',
          unit: units.PercentUnit,
          queries: [[max(rate('gridwatch_agent_cpu_time_seconds_total'), 'instance'), '{{instance}}']],
        }),
        lines({
          id: 6,
          title: 'Memory of the agent',
          description: 'Heap and buffers of the agent thread and the shared memory, of each process.',
          unit: units.BytesIEC,
          queries: [[max(series('gridwatch_agent_memory_usage_bytes'), 'instance'), '{{instance}}']],
        }),
        histogram({
          id: 7,
          title: 'Passes over the rings',
          description: 'How long one pass over what the threads have recorded takes.',
          unit: units.Seconds,
          queries: [[buckets('gridwatch_agent_drain_duration_seconds'), '{{le}}']],
        }),
        lines({
          id: 8,
          title: 'Series',
          description: 'Of each process, as Prometheus counts them; beyond the limit names join _OTHER.',
          unit: units.Short,
          queries: [[max(series('gridwatch_agent_series'), 'instance'), '{{instance}}']],
        }),
        lines({
          id: 9,
          title: 'Age of the agent',
          description: 'Time since the agent thread of each process started: where it falls, it has begun anew.',
          unit: units.DurationSeconds,
          queries: [[max(series('gridwatch_agent_uptime_seconds'), 'instance'), '{{instance}}']],
        }),
        lines({
          id: 10,
          title: 'Restarts of the agent',
          description: 'Starts of the agent thread after the first, of each process.',
          unit: units.Short,
          queries: [[max(increase('gridwatch_agent_restarts_total'), 'instance'), '{{instance}}']],
        }),
      ],
    },
    {
      heading: 'The Collectors, whatever service is chosen',
      panels: [
        lines({
          id: 11,
          title: 'Lost by the Collectors',
          description:
            'Items that an exporter has given up or its full queue has refused, and traces that a sampler has dropped undecided: of each instance since it was started. What Jaeger fails to store its sender keeps, and what was under way when a Collector ended is on its disk.',
          unit: units.Short,
          queries: [
            [
              sum(
                ofCollectors('otelcol_exporter_(send|enqueue)_failed_(spans|metric_points|log_records)'),
                'job',
                'instance',
                'exporter',
              ),
              '{{job}} {{instance}} {{exporter}}',
            ],
            [
              sum(ofCollectors('otelcol_processor_tail_sampling_sampling_trace_dropped_too_early'), 'job', 'instance'),
              '{{job}} {{instance}}, undecided',
            ],
          ],
        }),
        lines({
          id: 12,
          title: 'Queues of the Collectors',
          description: 'How full the queue of each exporter is, in each instance. What a full one refuses may be lost.',
          unit: units.PercentUnit,
          queries: [
            [
              max('otelcol_exporter_queue_size / otelcol_exporter_queue_capacity', 'job', 'instance', 'exporter'),
              '{{job}} {{instance}} {{exporter}}',
            ],
          ],
        }),
        lines({
          id: 13,
          title: 'Refused by the Collectors',
          description:
            'Items that senders were told to send again: of each receiver of an instance since it was started.',
          unit: units.Short,
          queries: [
            [
              sum(
                ofCollectors('otelcol_receiver_(refused|failed)_(spans|metric_points|log_records)'),
                'job',
                'instance',
                'receiver',
              ),
              '{{job}} {{instance}} {{receiver}}',
            ],
          ],
        }),
      ],
    },
  ],
};
