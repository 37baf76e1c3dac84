/** Locks: which of them is waited for, who is to blame, and one of them closely. Runs in the process of `npm run dashboards`. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import { type DashboardText, worst } from './dashboard.ts';
import { dashboardAbout, label, traces, tracesByDuration, variable } from './links.ts';
import { histogram, lines, stack } from './panels.ts';
import { buckets, increase, max, quantile, rate, series, sum, top } from './queries.ts';

const NAME = 'gridwatch_lock_name';
const WAITS = 'gridwatch_lock_wait_duration_seconds';
const HOLDS = 'gridwatch_lock_hold_duration_seconds';
const ONE = `${NAME}="$lock"`;

/** The locks to choose from: those whose holders are waited for first; of a parked thread or a condition nobody is the holder. */
const BLAMED = sum(`increase(${series('gridwatch_lock_caused_wait_time_seconds_total')}[$__range])`, NAME);
const WAITED = sum(`increase(${series(`${WAITS}_sum`)}[$__range])`, NAME);

/** From a line about a lock. */
const ofLock = [
  dashboardAbout('This lock', 'locks', `var-lock=${label(NAME)}`),
  traces('Its waits in Jaeger', `lock.wait%20${label(NAME)}`),
];
const LEGEND = `{{${NAME}}}`;

const allPanels = [
  lines({
    id: 1,
    title: 'By wait',
    description: 'Threads and activities that wait for the lock at once, on average: what it costs.',
    unit: units.Short,
    queries: [[top(sum(rate(`${WAITS}_sum`), NAME)), LEGEND]],
    links: ofLock,
  }),
  lines({
    id: 2,
    title: 'By blame',
    description:
      'For whom the others waited: the thread that held the lock, and the place in the code where it took it.',
    unit: units.Short,
    queries: [
      [
        top(
          sum(rate('gridwatch_lock_caused_wait_time_seconds_total'), NAME, 'thread_name', 'gridwatch_lock_holder_site'),
        ),
        `{{thread_name}} at {{gridwatch_lock_holder_site}}, ${LEGEND}`,
      ],
    ],
    links: ofLock,
  }),
  lines({
    id: 3,
    title: 'Contended acquisitions',
    description:
      'Part of the acquisitions that had to wait, in the worst process. It is near 1 where waiting is the use of the lock, as in a condition.',
    unit: units.PercentUnit,
    queries: [
      [
        top(
          max(
            `${sum(rate('gridwatch_lock_contentions_total'), 'instance', NAME)} / ${sum(rate('gridwatch_lock_acquisitions_total'), 'instance', NAME)}`,
            NAME,
          ),
        ),
        LEGEND,
      ],
    ],
    links: ofLock,
  }),
  lines({
    id: 4,
    title: 'Acquisitions',
    description: 'How often each lock is taken.',
    unit: units.CountsPerSecond,
    queries: [[top(sum(rate('gridwatch_lock_acquisitions_total'), NAME)), LEGEND]],
    links: ofLock,
  }),
  lines({
    id: 5,
    title: 'Deadlocked',
    description:
      'Threads and activities that wait for each other in a circle, by the lock that they wait for, and deadlocks found.',
    unit: units.Short,
    queries: [
      [sum(series('gridwatch_deadlock_thread_count'), NAME), `waiting for ${LEGEND}`],
      [sum(increase('gridwatch_deadlocks_total')), 'found'],
    ],
    links: [traces('Deadlocks in Jaeger', 'deadlock')],
  }),
  lines({
    id: 6,
    title: 'Waiting now',
    description: 'Threads and activities that wait for each lock.',
    unit: units.Short,
    queries: [[top(sum(series('gridwatch_lock_waiter_count'), NAME)), LEGEND]],
    links: ofLock,
  }),
  lines({
    id: 7,
    title: 'Longest wait that goes on',
    description:
      'How long the oldest waiter of each lock has waited, in the worst process: a line that climbs is a lock that is not given back.',
    unit: units.Seconds,
    queries: [[top(max(series('gridwatch_lock_oldest_waiter_age_seconds'), NAME)), LEGEND]],
    links: [...ofLock, traces('Long waits in Jaeger', 'incident%20gridwatch.wait.long')],
  }),
  lines({
    id: 8,
    title: 'Waits given up, locks abandoned',
    description: 'Waits that ran out of time or were aborted, and threads that ended while they held the lock.',
    unit: units.Short,
    queries: [
      [sum(increase('gridwatch_lock_timeouts_total'), NAME), `${LEGEND} timeouts`],
      [sum(increase('gridwatch_lock_aborts_total'), NAME), `${LEGEND} aborts`],
      [sum(increase('gridwatch_lock_abandonments_total'), NAME), `${LEGEND} abandoned`],
    ],
    links: [traces('Abandoned locks in Jaeger', 'incident%20gridwatch.lock.abandoned')],
  }),
  lines({
    id: 9,
    title: 'Locks taken in both orders',
    description: 'Pairs of locks that may deadlock one day; each pair is counted once.',
    unit: units.Short,
    queries: [[sum(increase('gridwatch_lock_order_inversions_total')), 'inversions']],
    links: [traces('Inversions in Jaeger', 'lock.order.inversion')],
  }),
  lines({
    id: 10,
    title: 'Findings about locks',
    description: 'What was found wrong with how locks are used; each kind is explained in the README.',
    unit: units.Short,
    queries: [[sum(increase('gridwatch_findings_total'), 'gridwatch_finding'), '{{gridwatch_finding}}']],
    links: [traces('Findings in Jaeger', 'incident%20gridwatch.finding')],
  }),
];

const onePanels = [
  histogram({
    id: 20,
    title: 'Waits for $lock',
    description:
      'How many contended acquisitions took how long. The links lead to those of a length in Jaeger, each with a link to the holder.',
    unit: units.Seconds,
    queries: [[buckets(WAITS, ONE), '{{le}}']],
    links: tracesByDuration('Waits', `lock.wait%20${variable('lock')}`),
  }),
  lines({
    id: 21,
    title: 'Waits for $lock, quantiles',
    description: 'What 50, 90 and 99 % of the contended acquisitions do not exceed, in the worst process.',
    unit: units.Seconds,
    queries: quantiles(WAITS),
    links: tracesByDuration('Waits', `lock.wait%20${variable('lock')}`),
  }),
  histogram({
    id: 22,
    title: 'Holds of $lock',
    description: 'How long the lock is held: what is long here is what the others wait for. A sample with weights.',
    unit: units.Seconds,
    queries: [[buckets(HOLDS, ONE), '{{le}}']],
  }),
  lines({
    id: 23,
    title: 'Holds of $lock, quantiles',
    description: 'What 50, 90 and 99 % of the holds do not exceed, in the worst process.',
    unit: units.Seconds,
    queries: quantiles(HOLDS),
  }),
  stack({
    id: 24,
    title: 'Who is waited for at $lock',
    description:
      'By thread and by the place in the code where it took the lock: threads that wait for it at once, on average.',
    unit: units.Short,
    queries: [
      [
        sum(rate('gridwatch_lock_caused_wait_time_seconds_total', ONE), 'thread_name', 'gridwatch_lock_holder_site'),
        '{{thread_name}} at {{gridwatch_lock_holder_site}}',
      ],
    ],
  }),
  lines({
    id: 25,
    title: 'Use of $lock',
    description: 'Acquisitions, and those that had to wait, by mode.',
    unit: units.CountsPerSecond,
    queries: [
      [
        sum(rate('gridwatch_lock_acquisitions_total', ONE), 'gridwatch_lock_mode'),
        'acquisitions, {{gridwatch_lock_mode}}',
      ],
      [sum(rate('gridwatch_lock_contentions_total', ONE), 'gridwatch_lock_mode'), 'contended, {{gridwatch_lock_mode}}'],
    ],
  }),
];

function quantiles(durations: string): [expression: string, legend: string][] {
  return [50, 90, 99].map((percent) => [quantile(percent / 100, durations, ONE), `p${percent}`]);
}

export const locks: DashboardText = {
  area: 'locks',
  title: 'Gridwatch locks',
  description: 'Which lock is waited for, who holds it meanwhile, and the traces of the waits.',
  variables: [worst('lock', 'Lock', `${BLAMED} or ${WAITED} * 0`, NAME)],
  rows: [
    { heading: 'All locks', panels: allPanels },
    { heading: 'One lock: $lock', panels: onePanels },
  ],
};
