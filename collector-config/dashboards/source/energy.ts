/** Energy: what the service draws, and which thread, lock and queue draw it. Runs in the process of `npm run dashboards`. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import type { DashboardText } from './dashboard.ts';
import { dashboardAbout, label } from './links.ts';
import { lines, number, stack } from './panels.ts';
import { max, rate, series, sum, top } from './queries.ts';

const PROCESS = 'gridwatch_process_energy_joules_total';
const ACTIVE = 'gridwatch_energy_component="active"';
const POWER = sum(rate(PROCESS), 'instance');
const FACTOR = max(series('gridwatch_energy_uncertainty_ratio'), 'instance');
const TASKS = sum(rate('gridwatch_queue_completions_total', 'gridwatch_queue_kind=~"pool|task_queue"'));
const LOCK = 'gridwatch_lock_name';
const QUEUE = 'gridwatch_queue_name';

const ofLock = [dashboardAbout('This lock', 'locks', `var-lock=${label(LOCK)}`)];
const ofQueue = [dashboardAbout('This queue', 'queues', `var-queue=${label(QUEUE)}`)];

export const energy: DashboardText = {
  area: 'energy',
  title: 'Gridwatch energy',
  description: 'What the service draws, what for, and how sure that is.',
  rows: [
    {
      heading: 'The service',
      panels: [
        number({
          id: 1,
          title: 'Power',
          description: 'Of the chosen processes, their share of the idle machine included.',
          unit: units.Watt,
          width: 6,
          queries: [[sum(rate(PROCESS)), 'power']],
        }),
        number({
          id: 2,
          title: 'Energy in the time shown',
          description: 'Of the chosen processes, their share of the idle machine included.',
          unit: units.Joule,
          width: 6,
          queries: [[`sum(increase(${series(PROCESS)}[$__range]))`, 'energy']],
        }),
        number({
          id: 3,
          title: 'Uncertainty',
          description: 'A factor: the truth lies between what is shown divided by it and multiplied by it, with 90 %.',
          unit: units.NoUnit,
          width: 6,
          queries: [[max(series('gridwatch_energy_uncertainty_ratio')), 'factor']],
        }),
        number({
          id: 4,
          title: 'Power of a CPU kept busy',
          description: 'The rate at which the CPU time of threads, locks and queues is priced.',
          unit: units.Watt,
          width: 6,
          queries: [[max(series('gridwatch_cpu_power_watts')), 'power']],
        }),
        stack({
          id: 5,
          title: 'Power by component',
          description:
            'Active is what the work takes; idle is the share of what the machine draws when nobody uses it.',
          unit: units.Watt,
          queries: [[sum(rate(PROCESS), 'gridwatch_energy_component'), '{{gridwatch_energy_component}}']],
        }),
        lines({
          id: 6,
          title: 'Power, and how sure it is',
          description: 'With 90 % the truth lies between the outer lines.',
          unit: units.Watt,
          queries: [
            [sum(`${POWER} * ${FACTOR}`), 'at most'],
            [sum(rate(PROCESS)), 'power'],
            [sum(`${POWER} / ${FACTOR}`), 'at least'],
          ],
        }),
        lines({
          id: 7,
          title: 'Energy of a task',
          description:
            'Active energy over the tasks that pools and queues finish. It goes up when the same work waits, spins or collects garbage more.',
          unit: units.Joule,
          queries: [[`${sum(rate(PROCESS, ACTIVE))} / ${TASKS}`, 'a task']],
        }),
        lines({
          id: 8,
          title: 'Where the figures are from',
          description: 'Power by its source, measured or a model, and by what it is a share of.',
          unit: units.Watt,
          queries: [
            [
              sum(rate(PROCESS), 'gridwatch_energy_source', 'gridwatch_energy_boundary'),
              '{{gridwatch_energy_source}} of {{gridwatch_energy_boundary}}',
            ],
          ],
        }),
        lines({
          id: 9,
          title: 'Carbon',
          description: 'CO2-equivalent an hour, of the energy and the hardware; only where an intensity is configured.',
          unit: units.Gram,
          queries: [[`${sum(rate('gridwatch_process_carbon_grams_total'))} * 3600`, 'an hour']],
        }),
        stack({
          id: 10,
          title: 'Power by thread',
          description:
            'Active power; all threads together, those of V8 and libuv included, are the active power of the processes.',
          unit: units.Watt,
          queries: [[sum(rate('gridwatch_thread_energy_joules_total'), 'thread_name'), '{{thread_name}}']],
        }),
      ],
    },
    {
      heading: 'What contention takes: part of the threads, never to be added to them',
      panels: [
        lines({
          id: 20,
          title: 'Power of waiting for locks',
          description: 'Active power of spinning and switching, by lock.',
          unit: units.Watt,
          width: 8,
          queries: [[top(sum(rate('gridwatch_lock_energy_joules_total'), LOCK)), `{{${LOCK}}}`]],
          links: ofLock,
        }),
        lines({
          id: 21,
          title: 'Idle power while locks were waited for',
          description:
            'Of one CPU while somebody waited, by lock: what keeping it for the waiter cost. It is part of nothing.',
          unit: units.Watt,
          width: 8,
          queries: [[top(sum(rate('gridwatch_lock_idle_energy_joules_total'), LOCK)), `{{${LOCK}}}`]],
          links: ofLock,
        }),
        lines({
          id: 22,
          title: 'Power of posting messages',
          description: 'Active power, of serialisation mostly, by port.',
          unit: units.Watt,
          width: 8,
          queries: [[top(sum(rate('gridwatch_queue_energy_joules_total'), QUEUE)), `{{${QUEUE}}}`]],
          links: ofQueue,
        }),
      ],
    },
  ],
};
