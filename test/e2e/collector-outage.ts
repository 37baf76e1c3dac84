/**
 * The end of the Collector, as Alertmanager tells of it: one alert, and none about the services behind it, of which nothing is known meanwhile. Runs in a test's own process,
 * with a stack that is in a hurry; afterwards the Collector is there again.
 */
import { expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Stack } from '../support/stack.ts';
import type { Heard } from './heard.ts';

const DOWN = 'GridwatchCollectorDown';
const SILENT = 'GridwatchAgentSilent';
/** The scrape of the services, which is what `GridwatchCollectorDown` is about. */
const SCRAPE = 'services';
/** `for` is forty seconds, and it goes on for a minute afterwards; the rest is for a machine that is busy. */
const ARRIVAL = { deadlineMs: 120_000, intervalMs: 500 } as const;

/** `living` is a service whose agent sends all the time, and has done so for long enough to be missed. */
export async function checkOutage(stack: Stack, heard: Heard, living: string): Promise<void> {
  const isKnown = async (): Promise<boolean> =>
    (await stack.prometheus.query(`gridwatch_agent_uptime_seconds{job="${living}"}`)).length > 0;
  const isMissed = async (): Promise<boolean> =>
    (await stack.prometheus.query(`ALERTS{alertname="${SILENT}", job="${living}", alertstate="firing"}`)).length > 0;
  /* On a machine that is busy a scrape may have failed just now. */
  await eventually(`${living} to be known`, isKnown, ARRIVAL);
  /* On a machine that is busy there may have been some before. */
  const before = heard.notifications(SCRAPE, DOWN).length;
  const told = () => heard.notifications(SCRAPE, DOWN).slice(before);

  await stack.process('collector').kill('SIGKILL');
  await eventually(`${DOWN} to be told of`, () => told().some(({ status }) => status === 'firing'), ARRIVAL);
  expect(told()).toMatchObject([
    {
      path: '/tickets',
      status: 'firing',
      alerts: [
        {
          status: 'firing',
          labels: { alertname: DOWN, job: SCRAPE, severity: 'warning' },
          annotations: {
            summary: 'Nothing comes from the Collector (services)',
            description: expect.stringContaining(
              `No answer from 127.0.0.1:${stack.ports.collectorPrometheus}.`,
            ) as string,
            runbook_url: `${stack.prometheusUrl}/consoles/agent.md#gridwatchcollectordown`,
          },
        },
      ],
    },
  ]);
  const isKeptBack = async (): Promise<boolean> => {
    await heard.listen();
    return heard.keptBack(living).has(SILENT);
  };
  await eventually(`${SILENT} of ${living} to be kept back`, isKeptBack, ARRIVAL);

  await stack.process('collector').start();
  await eventually(`${living} to be seen again`, async () => (await isKnown()) && !(await isMissed()), ARRIVAL);
  await eventually(`${DOWN} to be over`, () => told().some(({ status }) => status === 'resolved'), ARRIVAL);
  expect(told().map(({ status }) => status)).toEqual(['firing', 'resolved']);
  expect(heard.notifications(living, SILENT)).toEqual([]);
}
