/**
 * The alerts of `collector-config/rules/` against the catalog of what the agent emits, against the runbooks their links lead to and against the cases in
 * which they are tried. Reads files; `test/e2e/rules.test.ts` has Prometheus evaluate them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EXPLICIT_BOUNDS_S } from '../../../agent/shared-memory/histogram.ts';
import {
  type Alert,
  groupingLabelsOf,
  queriesOf,
  selectorsOf,
  shippedAlerts,
  thresholdsOf,
} from '../../support/alert-rules.ts';
import { collectorLabels } from '../../support/collector-catalog.ts';
import {
  attributeNames,
  metricNamed,
  operations,
  prometheusName,
  resourceAttributeNames,
  valuesOf,
} from '../../support/shipped-catalog.ts';

const root = new URL('../../../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8');

interface PromtoolCases {
  readonly tests: readonly {
    readonly name: string;
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts?: readonly object[] }[];
  }[];
}

const alerts = shippedAlerts();
const byName = alerts.map((alert) => [alert.alert, alert] as const);

/** Every expression of an alert: the one that decides, and those that its annotations ask. */
function expressionsOf({ expr, annotations }: Alert): string[] {
  return [expr, ...Object.values(annotations).flatMap(queriesOf)];
}

/** By file: what its alerts are about, as labels and in words. */
const SUBJECTS: Readonly<Record<string, { readonly labels: RegExp; readonly words: RegExp }>> = {
  agent: {
    labels: /^(?:count|max) by \(job(?:, gridwatch_record_kind|, gridwatch_feature, gridwatch_reason)?\) \(/,
    words:
      /kind \{\{ \$labels\.gridwatch_record_kind \}\}|feature \{\{ \$labels\.gridwatch_feature \}\}|[Pp]rocess(?:es)? of/,
  },
  collector: {
    labels: /^max by \(job, (?:exporter|receiver)\) \(/,
    words: /[Ee]xporter \{\{ (?:\.|\$labels\.exporter) \}\}|receiver \{\{ \$labels\.receiver \}\}/,
  },
  locks: {
    labels: /^(?:sum|max) by \(job(?:, gridwatch_lock_name)?\) \(/,
    words: /lock \{\{ \$(?:labels|each\.Labels)\.gridwatch_lock_name \}\}|Pairs of locks/,
  },
  queues: {
    labels: /^(?:sum by \(job\)|max by \(job, gridwatch_queue_name(?:, gridwatch_queue_direction)?\)) \(/,
    words: /queue \{\{ (?:\$labels|\.Labels)\.gridwatch_queue_name \}\}/,
  },
  cpu: { labels: /^max by \(job\) \(/, words: /process of/ },
  energy: { labels: /^max by \(job\) \(/, words: /processes of/ },
  runtime: {
    labels: /^max by \(job(?:, thread_name|, error_type)?\) \(/,
    words: /thread \{\{ or \$labels\.thread_name "main" \}\}|thread main of|Workers of/,
  },
};

/** What every series has besides its attributes; buckets have a bound. */
const COMMON_LABELS = ['job', 'instance', 'le'];

/** Made by the backends from the resource of a process, not by the agent; its labels are the resource's attributes. */
const OF_BACKENDS: readonly string[] = ['target_info', 'up'];

/** By it the silence of the Collector is told. */
const SILENCE = 'GridwatchCollectorDown';
const COLLECTORS = 'collector';

/** It is about the way here, and asks nothing of any process. */
const isAboutTheWay = ({ alert, file }: Alert): boolean => alert === SILENCE || file === COLLECTORS;

/** These are about no single process: a whole service, or its code. */
const ABOUT_NO_PROCESS: readonly string[] = [
  'GridwatchAgentDegraded',
  'GridwatchAgentSilent',
  'GridwatchCollectorDown',
  'GridwatchEnergyPerTaskUp',
  'GridwatchLockOrderInversion',
];

/** There are no spans of what these are about, or of several names, and hence no link. */
const WITHOUT_SPANS: readonly string[] = [
  'GridwatchCollectorDown',
  'GridwatchCollectorLosing',
  'GridwatchCollectorQueueFilling',
  'GridwatchCollectorRefusing',
  'GridwatchAgentDropping',
  'GridwatchAgentLost',
  'GridwatchAgentSilent',
  'GridwatchRunnableDelay',
  'GridwatchCpuThrottled',
  'GridwatchParallelismCollapsed',
  'GridwatchEnergyPerTaskUp',
];

it('there are alerts', () => {
  expect(alerts.map(({ alert }) => alert)).toEqual([
    'GridwatchCollectorDown',
    'GridwatchAgentDropping',
    'GridwatchAgentDegraded',
    'GridwatchAgentLost',
    'GridwatchAgentSilent',
    'GridwatchCollectorLosing',
    'GridwatchCollectorQueueFilling',
    'GridwatchCollectorRefusing',
    'GridwatchRunnableDelay',
    'GridwatchCpuThrottled',
    'GridwatchParallelismCollapsed',
    'GridwatchEnergyPerTaskUp',
    'GridwatchDeadlock',
    'GridwatchLockContended',
    'GridwatchLockWaitLong',
    'GridwatchLockBlameConcentrated',
    'GridwatchLockWaitersGrowing',
    'GridwatchLockAbandoned',
    'GridwatchLockStuck',
    'GridwatchLockOrderInversion',
    'GridwatchQueueGrowing',
    'GridwatchQueueItemOld',
    'GridwatchPoolSaturated',
    'GridwatchPoolStarved',
    'GridwatchQueueRejections',
    'GridwatchMessageBacklog',
    'GridwatchGcFraction',
    'GridwatchGcPauseLong',
    'GridwatchHeapNearLimit',
    'GridwatchEventLoopBlocked',
    'GridwatchWorkerCrashLoop',
  ]);
});

describe.each(byName)('%s', (name, alert) => {
  it('names only metrics of the catalog, or only those of a Collector', () => {
    const metrics = expressionsOf(alert).flatMap((expression) => selectorsOf(expression).map(({ metric }) => metric));
    const isOfProcesses = metrics.some((metric) => metricNamed(metric) !== undefined);
    expect(isOfProcesses).toBe(!isAboutTheWay(alert));
    const others = metrics.filter((metric) => metricNamed(metric) === undefined);
    const isKnown = (metric: string): boolean =>
      alert.file === COLLECTORS ? collectorLabels(metric) !== undefined : OF_BACKENDS.includes(metric);
    expect(others.filter((metric) => !isKnown(metric))).toEqual([]);
  });

  it('groups and matches only by attributes that the metrics have, with values that those can have', () => {
    for (const expression of expressionsOf(alert)) {
      const selectors = selectorsOf(expression);
      const attributes = selectors.map(({ metric }) => {
        const ofMetric = metricNamed(metric)?.attributes.map(({ name: each }) => each) ?? collectorLabels(metric) ?? [];
        return (OF_BACKENDS.includes(metric) ? resourceAttributeNames : ofMetric).map(prometheusName);
      });
      const common = [...COMMON_LABELS, ...attributes.flat()];
      expect(groupingLabelsOf(expression).filter((label) => !common.includes(label))).toEqual([]);
      for (const [at, { metric, matchers }] of selectors.entries()) {
        for (const { label, operator, value } of matchers) {
          // One pattern may ask for several metrics of a Collector: a label is one of theirs.
          expect(alert.file === COLLECTORS ? common : [...COMMON_LABELS, ...(attributes[at] ?? [])]).toContain(label);
          const values = collectorLabels(metric) === undefined ? valuesOf(label) : undefined;
          /* The value of a label of the alert itself, in a template, is one that it has. */
          const wanted = value === '' ? [] : operator.endsWith('~') ? value.split('|') : [value];
          if (values !== undefined) expect(wanted.filter((each) => !values.includes(each))).toEqual([]);
        }
      }
    }
  });

  it('compares a quantile only with a bound of its histogram', () => {
    const { expr } = alert;
    const buckets = selectorsOf(expr).filter(({ metric }) => metric.endsWith('_bucket'));
    const ends = buckets.flatMap(({ matchers }) => matchers.filter(({ label }) => label === 'le'));
    const thresholds = [...thresholdsOf(expr, 'histogram_quantile'), ...ends.map(({ value }) => Number(value))];
    for (const { metric } of buckets) expect(metricNamed(metric)?.bounds).toEqual(expect.arrayContaining(thresholds));
    expect(thresholds.length > 0).toBe(buckets.length > 0);
  });

  it('is about a service and at most a lock, queue, thread or the like, never about one process', () => {
    expect(alert.expr).toMatch(SUBJECTS[alert.file]?.labels ?? expect.unreachable('a file without a subject'));
    expect(alert.expr).not.toContain('gridwatch_deadlocks_total');
  });

  it('pages at once, or waits from 5 to 15 minutes', () => {
    const { severity } = alert.labels;
    expect(['page', 'warning', 'info']).toContain(severity);
    if (severity === 'page') expect(alert.for).toBeUndefined();
    else expect(alert.for).toMatch(/^(?:[5-9]|1[0-5])m$/);
    expect(alert.comment).toMatch(/# Delay: (?:\d+ min )?\d+ s\b/);
  });

  it('names the service and what of it, and has a section in a runbook', () => {
    const { summary = '', description = '', runbook_url: runbookUrl, ...others } = alert.annotations;
    expect(Object.keys(others)).toEqual([...(WITHOUT_SPANS.includes(name) ? [] : ['jaeger_url']), 'dashboard_url']);
    for (const text of [summary, description]) expect(text).toContain('{{ $labels.job }}');
    expect(description).toMatch(SUBJECTS[alert.file]?.words ?? expect.unreachable('a file without a subject'));
    const file = `${alert.file}.md`;
    expect(runbookUrl).toBe(`{{ $externalLabels.gridwatch_runbooks }}/${file}#${name.toLowerCase()}`);
    const [, section] =
      new RegExp(`\n## ${name}\n([^]*?)(?=\n## |$)`).exec(read(`collector-config/runbooks/${file}`)) ?? [];
    expect(section?.match(/^### .*$/gm)).toEqual(
      ['### Causes', '### What to change', '### How to confirm'].map((each) => expect.stringContaining(each)),
    );
  });

  it('says in which process it is, and what else it says of that process it asks of no other', () => {
    const { description = '' } = alert.annotations;
    const named = /instance \{\{ (?:\$each)?\.Labels\.instance \}\}/.exec(description);
    expect(named === null).toBe(ABOUT_NO_PROCESS.includes(name));
    if (named === null) return;
    const after = queriesOf(description.slice(named.index));
    expect(after).not.toEqual([]);
    for (const query of after) expect(query).toContain('instance=%q');
    // A Collector's instance is its address, or its pod: nothing tells more of it.
    expect(after[0]?.includes('target_info{')).toBe(alert.file !== COLLECTORS);
  });

  it('leads to spans that the agent sends, from a bound of the histogram on', () => {
    const link = alert.annotations['jaeger_url'];
    expect(link === undefined).toBe(WITHOUT_SPANS.includes(name));
    if (link === undefined) return;
    expect(link).toMatch(
      /^\{\{ \$externalLabels\.gridwatch_jaeger \}\}\/search\?service=\{\{ [^}]*\$labels\.job \| urlquery \}\}&/,
    );
    const [, template, text] =
      /&operation=(?:\{\{ (?:printf )?"([^"]*)"[^}]*\| urlquery \}\}|([^&{]*))(?:&|$)/.exec(link) ?? [];
    expect(operations).toContain(template ?? text);
    const [, shortest] = /&minDuration=(\d+)ms/.exec(link) ?? [];
    const family = (template ?? text)?.startsWith('gc ') === true ? 'gc' : 'waits';
    if (shortest !== undefined) expect(EXPLICIT_BOUNDS_S[family]).toContain(Number(shortest) / 1000);
    expect(link.includes('minDuration=')).toBe(shortest !== undefined);
  });

  it('leads to spans about what it is about, by an attribute where their name does not say it', () => {
    const { jaeger_url: link = '' } = alert.annotations;
    const [, tag] = /&tags=\{\{ (?:printf )?"\{\\"([\w.]+)\\":/.exec(link) ?? [];
    expect(link.includes('&tags=')).toBe(tag !== undefined);
    if (tag !== undefined) expect(attributeNames).toContain(tag);
    // What is grouped by is in the name of the operation, or is such an attribute.
    const labels = (/^\w+ by \(([^)]*)\)/.exec(alert.expr)?.[1] ?? '').split(', ');
    const isNamed = /&operation=\{\{ printf "[^"]*%s" \$labels\./.test(link);
    const isAboutMore = labels.length > 1 && !WITHOUT_SPANS.includes(name);
    if (isAboutMore && !isNamed) expect(labels).toContain(prometheusName(tag ?? ''));
  });

  it('is tried where it fires, and where it does not', () => {
    const { tests } = parse(read(`test/e2e/rules/${alert.file}.test.yaml`)) as PromtoolCases;
    const cases = tests.map((test) => test.alert_rule_test.filter(({ alertname }) => alertname === name));
    const fires = cases.map((tried) => tried.some(({ exp_alerts: expected = [] }) => expected.length > 0));
    expect(fires).toContain(true);
    expect(cases.filter((tried, at) => tried.length > 0 && fires[at] === false)).not.toEqual([]);
  });
});

it('each file of cases is about a file of rules', () => {
  const casesFolder = fileURLToPath(new URL('test/e2e/rules/', root));
  const files = new Set(alerts.map(({ file }) => `${file}.test.yaml`));
  expect(new Set(readdirSync(casesFolder))).toEqual(files);
});

it('each runbook names only metrics and labels of the catalog', () => {
  const labels = new Set(attributeNames.map(prometheusName));
  for (const file of readdirSync(fileURLToPath(new URL('collector-config/runbooks/', root)))) {
    const words = new Set(read(`collector-config/runbooks/${file}`).match(/\b(?:gridwatch|v8js|nodejs)_\w+/g));
    expect(words.size).toBeGreaterThan(0);
    // Of a histogram it may name the whole.
    const isKnown = (word: string): boolean =>
      [word, `${word}_count`].some((each) => metricNamed(each) !== undefined) || labels.has(word);
    expect([...words].filter((word) => !isKnown(word))).toEqual([]);
    const ofCollectors = read(`collector-config/runbooks/${file}`).match(/\botelcol_\w+/g) ?? [];
    expect(ofCollectors.filter((word) => collectorLabels(word) === undefined)).toEqual([]);
  }
});

it('the Collector is asked under the name by which its silence is told', () => {
  const { scrape_configs: scrapes } = parse(read('collector-config/prometheus.yml')) as { scrape_configs: Scrape[] };
  const { job_name: name } =
    scrapes.find((each) => each.static_configs.some(({ targets }) => targets.includes('collector:8889'))) ??
    expect.unreachable('nobody asks the Collector');
  const [down] = alerts;
  expect(down).toMatchObject({ alert: SILENCE, expr: `max by (job) (up{job="${name}"} == 0)` });
});

interface Scrape {
  readonly job_name: string;
  readonly static_configs: readonly { readonly targets: readonly string[] }[];
}

it('where links lead is said in one place', () => {
  for (const file of new Set(alerts.map((alert) => alert.file))) {
    expect(read(`collector-config/rules/${file}.yaml`)).not.toMatch(/https?:/);
  }
  const { global } = parse(read('collector-config/prometheus.yml')) as { global: { external_labels: object } };
  expect(Object.keys(global.external_labels)).toEqual(['gridwatch_runbooks', 'gridwatch_jaeger', 'gridwatch_grafana']);
});
