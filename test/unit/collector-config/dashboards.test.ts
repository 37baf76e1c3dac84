/**
 * The dashboards of `collector-config/dashboards/` against their sources, the catalog of what the agent emits and the rules that all of them keep. Reads
 * files; `test/e2e/shop.test.ts` asks a Prometheus what they ask.
 */
import { readFileSync } from 'node:fs';
import * as units from '@grafana/grafana-foundation-sdk/units';
import { describe, expect, it } from 'vitest';
import { dashboardFiles, FOLDER, generatedFiles, INDEX } from '../../../collector-config/dashboards/source/files.ts';
import { PROMETHEUS_NAMES } from '../../e2e/prometheus-names.ts';
import { collectorLabels } from '../../support/collector-catalog.ts';
import {
  type Dashboard,
  filledIn,
  groupingOf,
  type Panel,
  panelsOf,
  parsePromql,
  queryOfVariable,
  shippedDashboards,
  sumsOf,
  vectorsOf,
} from '../../support/dashboards.ts';
import { boundsOf, metricNamed, operations, prometheusName, valuesOf } from '../../support/shipped-catalog.ts';

const dashboards = shippedDashboards();
const panels = [...dashboards].flatMap(([area, dashboard]) =>
  panelsOf(dashboard).map((panel) => [`${area} ${panel.id}: ${panel.title}`, panel, dashboard] as const),
);

/** Told by each process of a machine or a container that several may share. */
const SHARED = /^(?:system_|container_|gridwatch_(?:container_|pressure_|cpu_quota_|cpu_throttled_))/;
/** What a series has besides its attributes; of `target_info` only the machine's name is used. */
const COMMON_LABELS = ['job', 'instance', 'le'];
const TARGET_INFO = 'target_info';
/** Prometheus's own series of what fires: labels of the shipped rules, and of alerts as such. */
const ALERTS = 'ALERTS';
const ALERT_LABELS = [
  'alertname',
  'alertstate',
  'severity',
  'gridwatch_lock_name',
  'gridwatch_queue_name',
  'thread_name',
];

/** Any value of a variable will do where names are all that is read. */
function expressionsOf(panel: Panel, { templating }: Dashboard): string[] {
  const values = Object.fromEntries(templating.list.map(({ name }) => [name, 'any']));
  return (panel.targets ?? []).map(({ expr }) => filledIn(expr, values));
}

function labelsOf(metric: string): string[] {
  if (metric === TARGET_INFO) return ['host_name', ...COMMON_LABELS];
  if (metric === ALERTS) return [...ALERT_LABELS, ...COMMON_LABELS];
  const ofCollector = collectorLabels(metric);
  if (ofCollector !== undefined) return [...ofCollector, ...COMMON_LABELS];
  const attributes = metricNamed(metric)?.attributes ?? expect.unreachable(`${metric} is not in the catalog`);
  return [...attributes.map(({ name }) => prometheusName(name)), ...COMMON_LABELS];
}

/** Labels that the series of an answer have. */
const groupsOf = (expression: string): string[] => groupingOf(parsePromql(expression));

it('are byte for byte what their sources make, and nothing else is there', () => {
  const wanted = dashboardFiles();
  expect([...dashboards.keys()].map((area) => `${area}.json`).toSorted()).toEqual([...wanted.keys()].toSorted());
  for (const [name, text] of wanted) expect(readFileSync(new URL(name, FOLDER), 'utf8')).toBe(text);
});

it('are in an index by metric, to which each runbook leads', () => {
  const index = generatedFiles().get(INDEX) ?? '';
  expect(readFileSync(new URL(INDEX, FOLDER), 'utf8')).toBe(index);
  const rows = new Map(Array.from(index.matchAll(/^\| `(\w+)` \| (.*) \|$/gm), ([, name, places]) => [name, places]));
  expect(new Set(rows.keys())).toEqual(new Set(Object.values(PROMETHEUS_NAMES)));
  expect(rows.get('v8js_gc_duration_seconds')).toContain('Gridwatch overview: *Time in garbage collection*');
  for (const area of ['agent', 'cpu', 'energy', 'locks', 'queues', 'runtime']) {
    expect(readFileSync(new URL(`../runbooks/${area}.md`, FOLDER), 'utf8')).toContain('](panels.md)');
  }
});

it('show every metric of the catalog', () => {
  const vectors = panels.flatMap(([, panel, dashboard]) => expressionsOf(panel, dashboard).map(parsePromql));
  const shown = new Set(vectors.flatMap(vectorsOf).map(({ metric }) => metricNamed(metric)?.name));
  expect(Object.keys(PROMETHEUS_NAMES).filter((name) => !shown.has(name))).toEqual([]);
});

describe.each([...dashboards])('%s', (area, dashboard) => {
  it('has a name that stays, cannot be edited, and leads to the others', () => {
    expect(dashboard).toMatchObject({
      uid: `gridwatch-${area}`,
      title: expect.stringMatching(/^Gridwatch /),
      description: expect.stringMatching(/\.$/),
      editable: false,
      schemaVersion: 42,
      tags: ['gridwatch'],
    });
    expect(dashboard.links).toContainEqual(expect.objectContaining({ type: 'dashboards', tags: ['gridwatch'] }));
  });

  it('is about one service of a chosen source, and about any of its processes', () => {
    const { list } = dashboard.templating;
    expect(list.slice(0, 3)).toMatchObject([
      { name: 'datasource', type: 'datasource', query: 'prometheus' },
      { name: 'job', multi: false },
      { name: 'instance', multi: true, includeAll: true },
    ]);
    const values = Object.fromEntries(list.map(({ name }) => [name, 'any']));
    for (const variable of list.filter(({ type }) => type === 'query')) {
      const { expr, label } = queryOfVariable(variable);
      const node = parsePromql(filledIn(expr, values));
      expect(vectorsOf(node).flatMap(({ metric }) => labelsOf(metric))).toContain(label);
    }
  });

  it.each([
    ['shop', 'shop'],
    ['web/shop', 'shop'],
    ['@acme/shop', '@acme/shop'],
    ['web/@acme/shop', '@acme/shop'],
  ])('knows %s by the name that it has in Jaeger', (job, service) => {
    const { regex = '' } = dashboard.templating.list.find(({ name }) => name === 'service') ?? {};
    expect(new RegExp(regex.slice(1, -1)).exec(job)?.[1]).toBe(service);
  });

  it('numbers each panel once, and lays none over another or beyond the edge', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      expect([title, gridPos.x + gridPos.w <= 24 && gridPos.w > 0 && gridPos.h > 0]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, x, y, taken.has(`${x} ${y}`)]).toEqual([title, x, y, false]);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });
});

describe.each(panels)('%s', (_, panel, dashboard) => {
  const expressions = expressionsOf(panel, dashboard);

  it('says what it shows, of what unit, from the chosen source', () => {
    expect(panel.title).toMatch(/^[A-Z]/);
    expect(panel.description).toMatch(/^[A-Z].*\.$/);
    expect(Object.values(units)).toContain(panel.fieldConfig?.defaults.unit);
    expect(panel.datasource).toEqual({ type: 'prometheus', uid: `\${datasource}` });
    for (const target of panel.targets ?? []) expect(target).toMatchObject({ datasource: panel.datasource });
    expect(panel.targets?.map(({ refId }) => refId)).toEqual('ABCDEFG'.slice(0, expressions.length).split(''));
    expect(expressions).not.toEqual([]);
  });

  it('asks for metrics of the catalog, by attributes that they have and values that those can have', () => {
    for (const expression of expressions) {
      const node = parsePromql(expression);
      const vectors = vectorsOf(node);
      expect(vectors).not.toEqual([]);
      const known = vectors.flatMap(({ metric }) => labelsOf(metric));
      expect(groupingOf(node).filter((label) => !known.includes(label))).toEqual([]);
      for (const { metric, matchers } of vectors) {
        expect(matchers.map(({ label }) => label).filter((label) => !labelsOf(metric).includes(label))).toEqual([]);
        if (metric === ALERTS) continue;
        for (const { label, operator, value } of matchers.filter(({ value: each }) => each !== '' && each !== 'any')) {
          // Names of threads are the program's to give, but for one.
          const possible = valuesOf(label) ?? (label === 'thread_name' ? ['main'] : []);
          const wanted = operator.endsWith('~') ? value.split('|') : [value];
          expect(wanted.filter((each) => !possible.includes(each))).toEqual([]);
        }
      }
    }
  });

  it('asks of the chosen processes, over as long as Grafana shows them', () => {
    for (const [at, { expr }] of (panel.targets ?? []).entries()) {
      for (const window of expr.matchAll(/\[([^\]]*)\]/g)) expect(window[1]).toMatch(/^\$__(?:rate_interval|range)$/);
      for (const { metric, matchers } of vectorsOf(parsePromql(expressions[at] ?? ''))) {
        const names = matchers.map(({ label }) => label);
        if (metric === TARGET_INFO) expect(names).toEqual(['host_name']);
        else if (metric === ALERTS) expect(names).toEqual(['job', 'alertstate']);
        else if (collectorLabels(metric) !== undefined) expect(names).toEqual([]);
        else if (!expr.includes(TARGET_INFO)) expect(names).toEqual(expect.arrayContaining(['job', 'instance']));
      }
    }
  });

  it('averages what a machine shares by machine, and never adds it up', () => {
    for (const expression of expressions) {
      const node = parsePromql(expression);
      const added = sumsOf(node).flatMap(vectorsOf);
      expect(added.filter(({ metric }) => SHARED.test(metric))).toEqual([]);
      const isOfMachine = vectorsOf(node).some(({ metric }) => metric.startsWith('system_'));
      if (isOfMachine) expect(expression).toMatch(/^(?:1 - )?avg by \(host_name/);
    }
  });

  it('hides no process that is ill among those that are well', () => {
    for (const expression of expressions.filter((each) => each.includes('histogram_quantile'))) {
      expect(expression).toMatch(/max (?:by \([^)]*\) )?\(histogram_quantile\([^,]*, sum by \(instance\b/);
    }
  });

  it('names its series by labels that they have', () => {
    for (const [at, { legendFormat = '' }] of (panel.targets ?? []).entries()) {
      const labels = Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, name = '']) => name);
      expect(labels.filter((name) => !groupsOf(expressions[at] ?? '').includes(name))).toEqual([]);
    }
  });

  it('leads to spans that the agent sends and dashboards that exist, by what its series have', () => {
    for (const { url = '' } of [...(panel.links ?? []), ...(panel.fieldConfig?.defaults.links ?? [])]) {
      const labels = Array.from(url.matchAll(/\$\{__field\.labels\.(\w+):percentencode\}/g), ([, name = '']) => name);
      for (const expression of expressions) expect(groupsOf(expression)).toEqual(expect.arrayContaining(labels));
      const names = Array.from(url.matchAll(/\$\{(\w+)(?::\w+)?\}/g), ([, name = '']) => name);
      const variables = [...dashboard.templating.list.map(({ name }) => name), '__from', '__to', '__url_time_range'];
      expect(names.filter((name) => !variables.includes(name))).toEqual([]);
      const [, uid] = /^\/d\/([\w-]+)\?/.exec(url) ?? [];
      const [, operation] = /&operation=([^&]*)/.exec(url) ?? [];
      if (operation === undefined) expect([...dashboards.values()].map((each) => each.uid)).toContain(uid);
      else expect(operations).toContain(decodeURIComponent(operation).replace(/\$\{.*\}$/, '%s'));
      const [, least] = /&minDuration=([^&]*)/.exec(url) ?? [];
      if (least !== undefined) expect(boundsOf('gridwatch.lock.wait.duration')).toContain(secondsOf(least));
    }
  });
});

/** As Jaeger reads durations. */
function secondsOf(duration: string): number {
  const [, count, unit = ''] = /^(\d+)(ms|s)$/.exec(duration) ?? expect.unreachable(`no duration: ${duration}`);
  return Number(count) / (unit === 'ms' ? 1_000 : 1);
}
