/** Queues, pools and messages: what waits for whom, and one queue closely. Runs in the process of `npm run dashboards`. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import { type DashboardText, worst } from './dashboard.ts';
import { dashboardAbout, label, traces, tracesByDuration, variable } from './links.ts';
import { histogram, lines, stack } from './panels.ts';
import { buckets, increase, max, quantile, rate, series, sum, top } from './queries.ts';

const NAME = 'gridwatch_queue_name';
const DIRECTION = 'gridwatch_queue_direction';
const WAITS = 'gridwatch_queue_wait_duration_seconds';
const SERVICES = 'gridwatch_queue_service_duration_seconds';
const ONE = `${NAME}="$queue"`;
const POOL = 'gridwatch_queue_kind="pool"';

/** From a line about a queue; a message's span has another name than a task's. */
const ofQueue = [
  dashboardAbout('This queue', 'queues', `var-queue=${label(NAME)}`),
  traces('Its tasks in Jaeger', `task%20${label(NAME)}`),
  traces('Its messages in Jaeger', `send%20${label(NAME)}`),
];
const LEGEND = `{{${NAME}}} {{${DIRECTION}}}`;

const allPanels = [
  lines({
    id: 1,
    title: 'Items that wait',
    description: 'In each queue, those in service not counted; of a port, messages on their way.',
    unit: units.Short,
    queries: [[top(sum(series('gridwatch_queue_size'), NAME, DIRECTION)), LEGEND]],
    links: ofQueue,
  }),
  lines({
    id: 2,
    title: 'Age of the oldest item',
    description: 'How long the oldest item of each queue has waited, in the worst process.',
    unit: units.Seconds,
    queries: [[top(max(series('gridwatch_queue_oldest_item_age_seconds'), NAME, DIRECTION)), LEGEND]],
    links: ofQueue,
  }),
  lines({
    id: 3,
    title: 'Utilization of pools',
    description:
      'Part of the time for which the workers of each pool work, in the worst process. Near 1 it is saturated: look at the waits.',
    unit: units.PercentUnit,
    queries: [[top(max(series('gridwatch_pool_utilization_ratio'), NAME)), `{{${NAME}}}`]],
    links: ofQueue,
  }),
  lines({
    id: 4,
    title: 'Waits, p99',
    description:
      'What 99 % of the items of each queue do not exceed in the worst process, from submission to the begin of service; of a port to the delivery.',
    unit: units.Seconds,
    queries: [[top(quantile(0.99, WAITS, '', NAME, DIRECTION)), LEGEND]],
    links: ofQueue,
  }),
  lines({
    id: 5,
    title: 'Growth',
    description:
      'By how many items each queue gets longer in a second, in the worst process: what stays above 0 does not catch up.',
    unit: units.CountsPerSecond,
    queries: [[top(max(`deriv(${series('gridwatch_queue_size')}[$__rate_interval])`, NAME, DIRECTION)), LEGEND]],
    links: ofQueue,
  }),
  lines({
    id: 6,
    title: 'Items refused and given up',
    description: 'Refused is a queue that is full or closed; given up is aborted, timed out or cleared.',
    unit: units.CountsPerSecond,
    queries: [
      [top(sum(rate('gridwatch_queue_rejections_total'), NAME)), `{{${NAME}}} refused`],
      [top(sum(rate('gridwatch_queue_aborts_total'), NAME)), `{{${NAME}}} given up`],
    ],
    links: ofQueue,
  }),
  lines({
    id: 7,
    title: 'Findings about pools',
    description: 'Pools whose workers wait for what only the same pool could do.',
    unit: units.Short,
    queries: [
      [
        sum(increase('gridwatch_findings_total', 'gridwatch_finding="pool_starvation"'), 'gridwatch_finding'),
        '{{gridwatch_finding}}',
      ],
    ],
    links: [traces('Findings in Jaeger', 'incident%20gridwatch.finding')],
  }),
  lines({
    id: 8,
    title: 'Tasks of pools',
    description: 'Tasks that each pool finishes.',
    unit: units.OpsPerSecond,
    queries: [[sum(rate('gridwatch_queue_completions_total', POOL), NAME), `{{${NAME}}}`]],
    links: ofQueue,
  }),
];

const onePanels = [
  histogram({
    id: 20,
    title: 'Waits in $queue',
    description: 'How many items waited how long. The links lead to tasks and messages of a length in Jaeger.',
    unit: units.Seconds,
    queries: [[buckets(WAITS, ONE), '{{le}}']],
    links: [
      ...tracesByDuration('Waits', `queue.wait%20${variable('queue')}`),
      ...tracesByDuration('Transits', `send%20${variable('queue')}`),
    ],
  }),
  histogram({
    id: 21,
    title: 'Service in $queue',
    description: 'How many items were worked on for how long; a port has no service.',
    unit: units.Seconds,
    queries: [[buckets(SERVICES, ONE), '{{le}}']],
    links: tracesByDuration('Tasks', `task%20${variable('queue')}`),
  }),
  lines({
    id: 22,
    title: 'Waits and service in $queue',
    description:
      'What 50 and 99 % of the items do not exceed, in the worst process. A long service makes long waits; long waits with a short service want more workers.',
    unit: units.Seconds,
    queries: [
      [quantile(0.5, WAITS, ONE), 'wait p50'],
      [quantile(0.99, WAITS, ONE), 'wait p99'],
      [quantile(0.5, SERVICES, ONE), 'service p50'],
      [quantile(0.99, SERVICES, ONE), 'service p99'],
    ],
  }),
  lines({
    id: 23,
    title: 'Flow through $queue',
    description: 'Items submitted, and served.',
    unit: units.CountsPerSecond,
    queries: [
      [sum(rate('gridwatch_queue_arrivals_total', ONE), DIRECTION), `arrivals {{${DIRECTION}}}`],
      [sum(rate('gridwatch_queue_completions_total', ONE), DIRECTION), `completions {{${DIRECTION}}}`],
    ],
  }),
  lines({
    id: 24,
    title: 'Length of $queue',
    description: 'Items that wait, and how many may: no second line where there is no bound.',
    unit: units.Short,
    queries: [
      [sum(series('gridwatch_queue_size', ONE), DIRECTION), `waiting {{${DIRECTION}}}`],
      [sum(series('gridwatch_queue_capacity', ONE), DIRECTION), `capacity {{${DIRECTION}}}`],
    ],
  }),
  stack({
    id: 25,
    title: 'Workers of $queue',
    description: 'Workers of the pool, or connections of a pool of them, by whether they work on something.',
    unit: units.Short,
    queries: [
      [
        sum(series('gridwatch_pool_thread_count', ONE), 'gridwatch_pool_thread_state'),
        '{{gridwatch_pool_thread_state}}',
      ],
    ],
  }),
];

const morePanels = [
  lines({
    id: 40,
    title: 'Time of postMessage, p99',
    description: 'Most of it is the serialisation of the message, and it blocks the sender. In the worst process.',
    unit: units.Seconds,
    queries: [[top(quantile(0.99, 'gridwatch_message_serialize_duration_seconds', '', NAME, DIRECTION)), LEGEND]],
    links: ofQueue,
  }),
  lines({
    id: 41,
    title: 'Messages that failed',
    description: 'Messages that could not be serialised, or not be read by their receiver.',
    unit: units.Short,
    queries: [[top(sum(increase('gridwatch_message_errors_total'), NAME, DIRECTION)), LEGEND]],
  }),
  lines({
    id: 42,
    title: 'Workers that pools may have',
    description: 'The bound of each pool, all chosen processes together.',
    unit: units.Short,
    queries: [[sum(series('gridwatch_pool_thread_limit'), NAME), `{{${NAME}}}`]],
  }),
  lines({
    id: 43,
    title: 'Wait for a database connection',
    description:
      'From the request to the hand-over, the making of the connection included: what 99 % of them do not exceed in the worst process.',
    unit: units.Seconds,
    queries: [
      [
        quantile(0.99, 'db_client_connection_wait_time_seconds', '', 'db_client_connection_pool_name'),
        '{{db_client_connection_pool_name}}',
      ],
    ],
  }),
  lines({
    id: 44,
    title: 'Requests for a database connection',
    description: 'Those that wait for one.',
    unit: units.Short,
    queries: [
      [
        sum(series('db_client_connection_pending_requests'), 'db_client_connection_pool_name'),
        '{{db_client_connection_pool_name}}',
      ],
    ],
  }),
];

export const queues: DashboardText = {
  area: 'queues',
  title: 'Gridwatch queues and pools',
  description: 'What waits for whom in pools, queues and ports, and the traces of the waits.',
  variables: [worst('queue', 'Queue', sum(`increase(${series(`${WAITS}_sum`)}[$__range])`, NAME), NAME)],
  rows: [
    { heading: 'All queues', panels: allPanels },
    { heading: 'One queue: $queue', panels: onePanels },
    { heading: 'Messages and connections', panels: morePanels },
  ],
};
