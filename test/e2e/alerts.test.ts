/**
 * One alert all the way: a program, the Collector, Prometheus with the shipped rules, Alertmanager, a webhook. Only the waits of the shipped files are
 * shorter. First a program that is well, of which nobody hears; then one with a deadlock, of which the webhook hears once, and of nothing else.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type JaegerTrace, tagOf } from '../support/jaeger-api.ts';
import type { AlertingRule } from '../support/prometheus-api.ts';
import { Stack } from '../support/stack.ts';
import { Webhook } from '../support/webhook.ts';
import { binariesFor } from './binaries.ts';
import { LOCK_PROGRAMS } from './programs.ts';

const RUNBOOK = new URL('../../collector-config/runbooks/locks.md', import.meta.url);
const WELL = 'well';
const STUCK = 'stuck';
/** Of rules that are evaluated once a second, and whose `for` takes one: a wrong alert would have fired, and arrived. */
const SETTLED_MS = 5_000;
const ARRIVAL = { deadlineMs: 60_000, intervalMs: 100 } as const;

function environment(stack: Stack, service: string): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.collectorUrl,
    OTEL_SERVICE_NAME: service,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
  };
}

/** The alerts that are not inactive, once each rule has been evaluated for long enough after `sinceMs`. */
async function activeAlerts(stack: Stack, sinceMs: number): Promise<string[]> {
  const rules = await eventually(
    'the rules to have been evaluated for a while',
    async (): Promise<AlertingRule[] | undefined> => {
      const all = await stack.prometheus.alertingRules();
      const isSettled = all.every(({ lastEvaluation }) => Date.parse(lastEvaluation) > sinceMs + SETTLED_MS);
      return isSettled && all.length > 0 ? all : undefined;
    },
    ARRIVAL,
  );
  expect(rules.map(({ health, lastError }) => ({ health, lastError }))).toEqual(
    rules.map(() => ({ health: 'ok', lastError: undefined })),
  );
  return rules.filter(({ state }) => state !== 'inactive').map(({ name, state }) => `${name} ${state}`);
}

/** What Alertmanager has and would tell of. */
async function alertsNotKeptBack(stack: Stack): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${stack.ports.alertmanager}/api/v2/alerts?inhibited=false`);
  const alerts = (await response.json()) as { labels: Record<string, string> }[];
  return alerts.map(({ labels }) => labels['alertname'] ?? '');
}

async function instanceOf(stack: Stack, service: string): Promise<string> {
  const [info] = await eventually(
    `${service} to be in Prometheus`,
    async () => {
      const series = await stack.prometheus.query(`target_info{job="${service}"}`);
      return series.length > 0 ? series : undefined;
    },
    ARRIVAL,
  );
  return info?.labels['instance'] ?? '';
}

/** What Jaeger's UI would find for a link to its search. */
async function found(stack: Stack, link: string): Promise<JaegerTrace[]> {
  const { origin, pathname, search } = new URL(link);
  expect({ origin, pathname }).toEqual({ origin: new URL(stack.jaegerUiUrl).origin, pathname: '/search' });
  const response = await fetch(`${stack.jaegerUiUrl}/api/traces${search}`);
  return ((await response.json()) as { data: JaegerTrace[] }).data;
}

it('a deadlock pages once, with links that lead somewhere; a busy lock that is well does not', async (context) => {
  const { healthy, deadlock } = LOCK_PROGRAMS;
  await using stack = await Stack.start(binariesFor(context), { isHurried: true });
  await using webhook = await Webhook.listen(stack.ports.webhook);

  await using well = healthy.start(environment(stack, WELL));
  const busy = `rate(gridwatch_lock_acquisitions_total{job="${WELL}", gridwatch_lock_name="${healthy.lock}"}[1m]) > 0`;
  const isBusy = async (): Promise<boolean> => (await stack.prometheus.query(busy)).length > 0;
  await eventually('Prometheus to see a lock that is used', isBusy, ARRIVAL);
  expect(await activeAlerts(stack, Date.now())).toEqual([]);
  expect(webhook.notifications).toEqual([]);
  expect(well.child.exitCode).toBeNull();

  const startedMs = Date.now();
  await using stuck = deadlock.start(environment(stack, STUCK));
  await eventually('the webhook to hear of the deadlock', () => webhook.notifications.length > 0, ARRIVAL);
  console.log(`e2e: from the start of a program with a deadlock to its page in ${Date.now() - startedMs} ms`);
  const instance = await instanceOf(stack, STUCK);
  /* The main thread is in the circle, so that its event loop stands still as well: Alertmanager keeps that back. */
  const consequence = /^GridwatchEventLoopBlocked (?:pending|firing)$/;
  const active = await activeAlerts(stack, Date.now());
  expect(active.filter((alert) => !consequence.test(alert))).toEqual(['GridwatchDeadlock firing']);
  expect(await alertsNotKeptBack(stack)).toEqual(['GridwatchDeadlock']);
  expect(stuck.child.exitCode).toBeNull();

  const labels = { alertname: 'GridwatchDeadlock', job: STUCK, severity: 'page' };
  const runbook = `${stack.prometheusUrl}/consoles/locks.md`;
  const traces = `${stack.jaegerUiUrl}/search?service=${STUCK}&operation=deadlock&lookback=1h&limit=20`;
  const annotations = {
    summary: `Deadlock in ${STUCK}`,
    description:
      `Threads, or activities, of ${STUCK} that wait for each other in a circle and will not go on by themselves: ` +
      `${deadlock.threads.length}. Waited for: ${deadlock.locks.map((lock) => `lock ${lock}`).join(', ')}. ` +
      `In: instance ${instance}, process ${stuck.child.pid} on ${hostname()}.`,
    runbook_url: `${runbook}#gridwatchdeadlock`,
    jaeger_url: traces,
    // No Grafana runs here: that the panel exists is a unit test's to see.
    dashboard_url: `http://localhost:3000/d/gridwatch-locks/locks?var-job=${STUCK}&viewPanel=panel-5`,
  };
  expect(webhook.notifications).toEqual([
    expect.objectContaining({
      path: '/pages',
      status: 'firing',
      groupLabels: { alertname: labels.alertname, job: STUCK },
      alerts: [expect.objectContaining({ status: 'firing', labels, annotations })],
    }),
  ]);

  expect(await (await fetch(annotations.runbook_url)).text()).toBe(await readFile(RUNBOOK, 'utf8'));
  const [trace, ...others] = await found(stack, annotations.jaeger_url);
  expect(others).toEqual([]);
  const told = trace?.spans.filter(({ operationName }) => operationName === 'deadlock') ?? [];
  expect(told).toHaveLength(1);
  const participants = (told[0]?.logs ?? []).map(({ fields }) => ({
    thread: tagOf({ tags: fields }, 'thread.name'),
    holds: tagOf({ tags: fields }, 'gridwatch.lock.held.name'),
    waitsFor: tagOf({ tags: fields }, 'gridwatch.lock.name'),
    file: tagOf({ tags: fields }, 'code.file.path'),
  }));
  const byThread = participants.toSorted((a, b) => (String(a.thread) < String(b.thread) ? -1 : 1));
  expect(byThread).toEqual(
    deadlock.threads.map((thread, at) => ({
      thread,
      holds: deadlock.locks[at],
      waitsFor: deadlock.locks[(at + 1) % deadlock.locks.length],
      file: 'examples/deadlock/main.js',
    })),
  );
});
