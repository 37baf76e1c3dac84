/**
 * In which panels each metric is shown, for whoever follows a runbook: those name metrics. Runs in the process of `npm run dashboards`, and in the tests; pure.
 */

/** What is read of a dashboard. */
export interface IndexedDashboard {
  readonly title?: string;
  readonly panels?: readonly {
    readonly title?: string;
    readonly type?: string;
    readonly targets?: readonly { readonly expr?: string }[];
  }[];
}

/** Of `target_info` only the machine's name is used; `ALERTS` is Prometheus's own. */
const NO_METRICS = new Set(['target_info', 'ALERTS']);

/** A page of Markdown, the metrics in the order of their names; a histogram is one metric. */
export function panelIndex(dashboards: readonly IndexedDashboard[]): string {
  const shown = new Map<string, Map<string, Set<string>>>();
  for (const { title = '', panels = [] } of dashboards) {
    for (const panel of panels) {
      for (const metric of (panel.targets ?? []).flatMap(({ expr = '' }) => metricsOf(expr))) {
        const places = shown.get(metric) ?? new Map<string, Set<string>>();
        shown.set(metric, places.set(title, (places.get(title) ?? new Set()).add(panel.title ?? '')));
      }
    }
  }
  const histograms = [...shown.keys()].filter((name) => name.endsWith('_bucket')).map((name) => name.slice(0, -7));
  for (const name of histograms) {
    for (const part of ['_bucket', '_sum', '_count']) merge(shown, `${name}${part}`, name);
  }
  const rows = [...shown]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([metric, places]) => `| \`${metric}\` | ${Array.from(places, placeText).join('; ')} |`);
  return `${HEAD}\n\n| metric | dashboard: panels |\n|---|---|\n${rows.join('\n')}\n`;
}

const HEAD = `# Which panel shows what

The runbooks name metrics; these are the panels of Grafana in which each of them is drawn. Of one service, and of the processes that are chosen there:
an alert says which is the worst. \`npm run dashboards\` writes this page.`;

function placeText([title, panels]: readonly [title: string, panels: ReadonlySet<string>]): string {
  return `${title}: ${Array.from(panels, (panel) => `*${panel}*`).join(', ')}`;
}

/** Outside of strings, whatever stands before matchers, a window, or the join that makes it a machine's. */
function metricsOf(expression: string): string[] {
  const bare = expression.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  return Array.from(bare.matchAll(/(\w+)(?=[{[]| \* on )/g), ([, name = '']) => name).filter(
    (name) => !NO_METRICS.has(name),
  );
}

function merge(shown: Map<string, Map<string, Set<string>>>, part: string, whole: string): void {
  const places = shown.get(part);
  if (places === undefined) return;
  shown.delete(part);
  const merged = shown.get(whole) ?? new Map<string, Set<string>>();
  for (const [title, panels] of places) merged.set(title, new Set([...(merged.get(title) ?? []), ...panels]));
  shown.set(whole, merged);
}
