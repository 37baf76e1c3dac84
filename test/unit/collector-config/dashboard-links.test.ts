/** The links from alerts to panels: `dashboard_url` of the rules, against the dashboards. Reads files. */
import { describe, expect, it } from 'vitest';
import { selectorsOf, shippedAlerts } from '../../support/alert-rules.ts';
import { collectorLabels } from '../../support/collector-catalog.ts';
import { filledIn, panelsOf, parsePromql, shippedDashboards, vectorsOf } from '../../support/dashboards.ts';

const dashboards = shippedDashboards();
const LINK =
  /^\{\{ \$externalLabels\.gridwatch_grafana \}\}\/d\/(gridwatch-(\w+))\/(\w+)\?(?:(var-job=.*)&)?viewPanel=panel-(\d+)$/;

/** A histogram is the same one in whichever of its series. */
const wholeOf = (metric: string): string => metric.replace(/_(?:bucket|sum|count)$/, '');

/** Not that of the way from processes to here, of which no panel tells: it leads to what is missing. */
const shown = shippedAlerts().filter(({ expr }) => !expr.includes('(up{'));

describe.each(shown.map((alert) => [alert.alert, alert] as const))('%s', (_, { expr, annotations }) => {
  const [, uid, area = '', slug, chosen = '', id] = LINK.exec(annotations['dashboard_url'] ?? '') ?? [];
  const dashboard = dashboards.get(area);
  const panel = dashboard?.panels.find((each) => each.id === Number(id));

  it('leads to a panel that exists, and shows what the alert is about', () => {
    expect({ uid: dashboard?.uid, slug }).toEqual({ uid, slug: area });
    if (dashboard === undefined || panel === undefined) throw new Error(`no panel: ${annotations['dashboard_url']}`);
    expect(panelsOf(dashboard)).toContain(panel);
    const values = Object.fromEntries(dashboard.templating.list.map(({ name }) => [name, 'any']));
    const queries = (panel.targets ?? []).map((target) => parsePromql(filledIn(target.expr, values)));
    const drawn = new Set(queries.flatMap(vectorsOf).map(({ metric }) => wholeOf(metric)));
    const read = selectorsOf(expr).map(({ metric }) => wholeOf(metric));
    expect(read.filter((metric) => drawn.has(metric))).not.toEqual([]);
  });

  it('chooses there what it is about, unless that is a Collector: of those all are shown', () => {
    const isOfCollectors = selectorsOf(expr).every(({ metric }) => collectorLabels(metric) !== undefined);
    expect(chosen === '').toBe(isOfCollectors);
    if (isOfCollectors) return;
    const pairs = chosen.split('&').map((pair) => /^var-(\w+)=\{\{ \$labels\.(\w+) \| urlquery \}\}$/.exec(pair));
    const variables = dashboard?.templating.list.map(({ name }) => name);
    for (const pair of pairs) {
      expect(variables).toContain(pair?.[1] ?? expect.unreachable(`no variable and its label: ${chosen}`));
      expect(expr).toMatch(new RegExp(`^\\w+ by \\([^)]*\\b${pair?.[2]}\\b`));
    }
    // A panel about one lock or queue is about the alert's.
    const isOfOne = [panel?.title, ...(panel?.targets ?? []).map((target) => target.expr)].join(' ');
    const wanted = Array.from(isOfOne.matchAll(/\$(lock|queue)\b/g), ([, name]) => `var-${name}`);
    expect(wanted.filter((name) => !chosen.includes(name))).toEqual([]);
  });
});
