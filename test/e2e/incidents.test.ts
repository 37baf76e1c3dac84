/**
 * Alerts all the way: a program of `examples/incidents/`, the Collector, Prometheus with the shipped rules, Alertmanager, a webhook. Each broken program is told of
 * by its alert and by no other, and its fixed twin, which runs at the same time, by none. Where the alert has a link to Jaeger, that finds the spans to blame.
 *
 * What Alertmanager keeps back does not count: those are consequences. It may have told of one before its cause fired, which is the order in which they come.
 * A process that wants no more CPUs than there are and does not get them is starved by others, on the machine of the test. What follows from that is true, and
 * is set aside; a process that wants more is to blame itself.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { type JaegerTrace, tagOf } from '../support/jaeger-api.ts';
import { Stack } from '../support/stack.ts';
import { Webhook } from '../support/webhook.ts';
import { binariesFor } from './binaries.ts';
import { checkOutage } from './collector-outage.ts';
import { Heard } from './heard.ts';
import { BESIDE, ENERGY, GROUPS, type Incident, possibleGroups } from './incidents.ts';
import { type Program, startIncident } from './programs.ts';

const RUNBOOK = new URL('../../collector-config/runbooks/locks.md', import.meta.url);
const ALERTMANAGER = new URL('../../collector-config/alertmanager.yaml', import.meta.url);
/** Half a minute on a quiet machine, of which most is `for`; a machine with thirty times too much to do takes longer to start the programs. */
const ARRIVAL = { deadlineMs: 150_000, intervalMs: 500 } as const;
/** After so long what a program computes is not waited for any more if others have the CPUs for it. */
const PATIENCE_MS = 90_000;
/** Six groups, each of which may take all of ARRIVAL and as long again for what is asked afterwards. */
const TEST_MAX_MS = 1_800_000;
const STARVED = 'GridwatchRunnableDelay';

interface Inhibition {
  readonly source_matchers: readonly string[];
  readonly target_matchers: readonly string[];
}

/** What comes of a lack of CPUs, as Alertmanager knows it. */
const OF_STARVATION = ((): RegExp => {
  const { inhibit_rules: rules } = parse(readFileSync(ALERTMANAGER, 'utf8')) as { inhibit_rules: Inhibition[] };
  const rule = rules.find(({ source_matchers: [source] }) => source === `alertname = ${STARVED}`);
  const [, targets] = /^alertname =~ "(.*)"$/.exec(rule?.target_matchers[0] ?? '') ?? [];
  if (targets === undefined) throw new Error('nothing is kept back where CPUs are missing');
  return new RegExp(`^(?:${STARVED}|${targets})$`);
})();

function start(stack: Stack, incident: Incident, twin: 'broken' | 'fixed', service: string): Program {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.collectorUrl,
    OTEL_SERVICE_NAME: service,
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    ...incident.env,
  };
  return startIncident(incident.name, twin, env, incident.quotaCpus);
}

const twins = (stack: Stack, incident: Incident): Program[] => [
  start(stack, incident, 'broken', incident.name),
  start(stack, incident, 'fixed', `${incident.name}-fixed`),
];

/** The services that have no CPU for more than three tenths of the time in which they want one, though they want no more than there are. */
async function starvedServices(stack: Stack): Promise<ReadonlySet<string>> {
  const time = (states: string): string =>
    `sum by (job) (increase(gridwatch_thread_state_time_seconds_total{gridwatch_thread_state=~"${states}", gridwatch_thread_role!="agent"}[5m]))`;
  const wanted = 'max by (job) (avg_over_time(gridwatch_cpu_demand[5m]))';
  const starved = await stack.prometheus.query(
    `${time('runnable')} / ${time('running|runnable')} > 0.3 unless ${wanted} > ${availableParallelism()}`,
  );
  return new Set(starved.map(({ labels }) => labels['job'] ?? ''));
}

/** What Jaeger's UI would find for a link to its search. */
async function found(stack: Stack, link: string): Promise<JaegerTrace[]> {
  const { origin, pathname, search } = new URL(link);
  expect({ origin, pathname }).toEqual({ origin: new URL(stack.jaegerUiUrl).origin, pathname: '/search' });
  const response = await fetch(`${stack.jaegerUiUrl}/api/traces${search}`);
  return ((await response.json()) as { data: JaegerTrace[] }).data;
}

/** Whether the link of the alert leads to a span of the service that has what is to blame. */
async function findsTheGuilty(stack: Stack, link: string, { name, guilty }: Incident): Promise<boolean> {
  const operation = new URL(link).searchParams.get('operation');
  const traces = await found(stack, link);
  return traces.some(({ spans, processes }) =>
    spans.some(
      (span) =>
        span.operationName === operation &&
        processes[span.processID]?.serviceName === name &&
        guilty !== undefined &&
        tagOf(span, guilty[0]) === guilty[1],
    ),
  );
}

/** Starts all of a group, both twins, and waits until each that is broken has been told of: those that have. */
async function tryGroup(
  stack: Stack,
  heard: Heard,
  incidents: readonly Incident[],
  running: Program[],
): Promise<readonly Incident[]> {
  for (const incident of incidents) {
    if (incident.isThere === true) continue;
    running.push(...twins(stack, incident));
  }
  const isSeen = ({ name, alert }: Incident): boolean => heard.isTold(name, alert);
  const startedMs = Date.now();
  let missing: readonly Incident[] = incidents;
  const areAllSeen = async (): Promise<boolean> => {
    await heard.listen();
    missing = missing.filter((incident) => !isSeen(incident));
    if (Date.now() - startedMs < PATIENCE_MS || !missing.some(({ computes }) => computes === true)) {
      return missing.length === 0;
    }
    const starved = await starvedServices(stack);
    missing = missing.filter(({ name, computes }) => computes !== true || !starved.has(name));
    return missing.length === 0;
  };
  try {
    await eventually('each incident to be told of', areAllSeen, ARRIVAL);
  } catch (error) {
    throw new Error(`nobody has told of ${missing.map(({ alert }) => alert).join(', ')}`, { cause: error });
  }
  await heard.listen();
  const unseen = incidents.filter((incident) => !isSeen(incident));
  for (const { name, alert } of unseen) console.log(`e2e: ${name} has no CPU for what it computes, hence no ${alert}`);
  return incidents.filter((incident) => isSeen(incident));
}

/** By service: the alerts that it raises and should not, and those that it should and does not; and what comes of a lack of CPUs. */
async function surprises(
  stack: Stack,
  heard: Heard,
  incidents: readonly Incident[],
): Promise<Readonly<Record<'surprising' | 'ofStarvation', readonly string[]>>> {
  await heard.listen();
  const starved = await starvedServices(stack);
  const expectations = incidents.flatMap(({ name, alert }) => [
    { service: name, expected: alert },
    { service: `${name}-fixed`, expected: undefined },
  ]);
  const unexpected = expectations.flatMap(({ service, expected = '' }) => {
    const others = [...heard.told(service)].filter((alert) => alert !== expected);
    const keptBack = [...heard.keptBack(service)].filter((alert) => alert === expected);
    return [
      ...others.map((alert) => ({ text: `${service}: ${alert}`, isOfStarvation: OF_STARVATION.test(alert), service })),
      ...keptBack.map((alert) => ({ text: `${service}: ${alert}, kept back`, isOfStarvation: true, service })),
    ];
  });
  const [ofStarvation, surprising] = [true, false].map((isWanted) =>
    unexpected
      .filter(({ isOfStarvation, service }) => (isOfStarvation && starved.has(service)) === isWanted)
      .map(({ text }) => text),
  ) as [string[], string[]];
  return { surprising, ofStarvation };
}

/**
 * A twin's alert takes as long as that of its broken one, which was told of just now: it may be about to fire. Waits until it either was told of as well, or is
 * not about to any more.
 */
async function waitUntilDecided(stack: Stack, heard: Heard, incidents: readonly Incident[]): Promise<void> {
  const own = incidents.map(({ name, alert }) => `ALERTS{job="${name}-fixed", alertname="${alert}"}`).join(' or ');
  const areDecided = async (): Promise<boolean> => {
    const alerts = await stack.prometheus.query(own);
    await heard.listen();
    return alerts.every(({ labels: { job = '', alertname = '' } }) => heard.isTold(job, alertname));
  };
  await eventually('no alert of a fixed twin to be pending', areDecided, { deadlineMs: 90_000, intervalMs: 500 });
}

/** What came before its cause is known for a consequence only when Alertmanager has seen both. */
async function checkNoSurprise(stack: Stack, heard: Heard, incidents: readonly Incident[]): Promise<void> {
  let last = await surprises(stack, heard, incidents);
  const isAsExpected = async (): Promise<boolean> => {
    last = await surprises(stack, heard, incidents);
    return last.surprising.length === 0;
  };
  const isWell = await eventually('no surprise', isAsExpected, { deadlineMs: 30_000, intervalMs: 1_000 }).catch(
    () => false,
  );
  for (const text of last.ofStarvation) console.log(`e2e: of a lack of CPUs: ${text}`);
  if (!isWell) expect(last.surprising).toEqual([]);
}

/**
 * What is told in words, and where its link leads. What a description asks Prometheus for is not in it where a scrape has just failed; Prometheus tells of what still
 * fires each minute anew.
 */
async function checkTold(stack: Stack, heard: Heard, incident: Incident): Promise<void> {
  const { name, alert, about = {}, says, guilty } = incident;
  const wanted = Object.entries({ alertname: alert, job: name, ...about });
  const within = { deadlineMs: 90_000, intervalMs: 500 };
  const told = await eventually(
    `${alert} of ${name} to say ${says}`,
    async () => {
      const received = await stack.alertmanager.alerts();
      const known = [...heard.notifications(name, alert).flatMap(({ alerts }) => alerts), ...received];
      const ofIt = known.filter(({ labels }) => wanted.every(([key, value]) => labels[key] === value));
      return ofIt.find(({ annotations }) => annotations['description']?.includes(says) === true);
    },
    within,
  );
  const link = told.annotations['jaeger_url'];
  expect({ name, isLink: link !== undefined }).toEqual({ name, isLink: guilty !== undefined });
  if (link === undefined) return;
  const isFound = async (): Promise<boolean> => findsTheGuilty(stack, link, incident);
  await eventually(`the link of ${alert} to lead to what is to blame`, isFound, within);
}

/** Whether Prometheus had the page of the Collector whenever it asked. */
async function isEachScraped(stack: Stack): Promise<boolean> {
  const [scrapes] = await stack.prometheus.query('min_over_time(up{job="services"}[15m])');
  return scrapes?.value === 1;
}

/** The one page, word by word. */
async function checkDeadlock(stack: Stack, heard: Heard): Promise<void> {
  const [page, ...others] = heard.notifications('deadlock', 'GridwatchDeadlock');
  /* Where a scrape takes too long, Prometheus takes the alert to be over. */
  if (await isEachScraped(stack)) expect(others).toEqual([]);
  const [info] = await stack.prometheus.query('last_over_time(target_info{job="deadlock"}[10m])');
  const annotations = {
    summary: 'Deadlock in deadlock',
    description:
      'Threads, or activities, of deadlock that wait for each other in a circle and will not go on by themselves: 2. ' +
      `Waited for: lock account anna, lock account ben. In: instance ${info?.labels['instance']}, ` +
      `process ${info?.labels['process_pid']} on ${hostname()}.`,
    runbook_url: `${stack.prometheusUrl}/consoles/locks.md#gridwatchdeadlock`,
    jaeger_url: `${stack.jaegerUiUrl}/search?service=deadlock&operation=deadlock&lookback=1h&limit=20`,
    // No Grafana runs here: that the panel exists is a unit test's to see.
    dashboard_url: 'http://localhost:3000/d/gridwatch-locks/locks?var-job=deadlock&viewPanel=panel-5',
  };
  const labels = { alertname: 'GridwatchDeadlock', job: 'deadlock', severity: 'page' };
  expect(page).toMatchObject({
    path: '/pages',
    status: 'firing',
    groupLabels: { alertname: labels.alertname, job: labels.job },
    alerts: [{ status: 'firing', labels, annotations }],
  });
  expect(await (await fetch(annotations.runbook_url)).text()).toBe(readFileSync(RUNBOOK, 'utf8'));

  const traces = await found(stack, annotations.jaeger_url);
  const spans = traces.flatMap((trace) => trace.spans.filter(({ operationName }) => operationName === 'deadlock'));
  const participants = spans.flatMap(({ logs }) =>
    logs.map(({ fields }) => ({
      thread: tagOf({ tags: fields }, 'thread.name'),
      holds: tagOf({ tags: fields }, 'gridwatch.lock.held.name'),
      waitsFor: tagOf({ tags: fields }, 'gridwatch.lock.name'),
      file: tagOf({ tags: fields }, 'code.file.path'),
    })),
  );
  const [anna, ben] = ['account anna', 'account ben'];
  const isFirstOfAnna = participants.some(({ thread, holds }) => thread === 'teller-1' && holds === anna);
  const [first, second] = isFirstOfAnna ? [anna, ben] : [ben, anna];
  const place = 'examples/incidents/deadlock/broken.js';
  expect(participants.toSorted((a, b) => (String(a.thread) < String(b.thread) ? -1 : 1))).toEqual([
    { thread: 'teller-1', holds: first, waitsFor: second, file: place },
    { thread: 'teller-2', holds: second, waitsFor: first, file: place },
  ]);
}

async function end(programs: Program[]): Promise<void> {
  await Promise.all(programs.splice(0).map(async (program) => program[Symbol.asyncDispose]()));
}

it('each incident is told of by its alert and no other, with links that lead somewhere; its fixed twin by none', {
  timeout: TEST_MAX_MS,
}, async (context) => {
  await using stack = await Stack.start(binariesFor(context), { isHurried: true });
  await using webhook = await Webhook.listen(stack.ports.webhook);
  const heard = new Heard(stack, webhook);
  await using before = start(stack, ENERGY, 'fixed', ENERGY.name);
  const beside = BESIDE.flatMap((incident) => twins(stack, incident));
  const running: Program[] = [];
  try {
    for (const [name, group] of await possibleGroups()) {
      const startedMs = Date.now();
      const isDeployment = name === 'COMPUTING';
      const incidents = isDeployment ? [...group, ENERGY] : group;
      if (isDeployment) {
        /* From here on its alert is what is wanted; until now it was the fixed twin's. */
        expect([...heard.told(ENERGY.name)].filter((alert) => !OF_STARVATION.test(alert))).toEqual([]);
        await before[Symbol.asyncDispose]();
        running.push(start(stack, ENERGY, 'broken', ENERGY.name));
      }
      const seen = await tryGroup(stack, heard, incidents, running);
      console.log(
        `e2e: ${name.toLowerCase()}: ${seen.length} of ${incidents.length} incidents told of in ${Date.now() - startedMs} ms`,
      );
      await waitUntilDecided(stack, heard, group);
      await checkNoSurprise(stack, heard, incidents);
      for (const incident of seen) await checkTold(stack, heard, incident);
      if (name === 'LOCKS') await checkDeadlock(stack, heard);
      const ended = [...running, ...beside].filter(({ child }) => child.exitCode !== null || child.signalCode !== null);
      expect(ended.map(({ child }) => child.spawnargs)).toEqual([]);
      await end(running);
    }
    const services = Object.values(GROUPS).flatMap((group) => group.flatMap(({ name }) => [name, `${name}-fixed`]));
    /* Where a scrape took too long, GridwatchCollectorDown is true as well. */
    const scrapes = (await isEachScraped(stack)) ? [] : ['services'];
    expect(heard.services.filter((service) => ![...services, ...scrapes, ENERGY.name].includes(service))).toEqual([]);
    await checkOutage(stack, heard, 'agent-silent-fixed');
    const health = await stack.prometheus.alertingRules();
    expect(health.filter((rule) => rule.health !== 'ok')).toEqual([]);
  } finally {
    await end([...running, ...beside]);
  }
});
