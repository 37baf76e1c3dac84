/**
 * Links from a dashboard to Jaeger, and to another dashboard. Runs in the process of `npm run dashboards`; pure.
 *
 * OpenTelemetry's SDK for JavaScript sends no exemplars, which would lead from a cell of a heat map to one trace. The names of the agent's spans make up for
 * it: a link asks Jaeger for the operation of the lock or queue in the dashboard's time, and for nothing shorter than a bound of the histogram.
 */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { type DashboardLink, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard';

export type Link = Builder<DashboardLink>;

/** A label of the series that was clicked. */
export const label = (name: string): string => `\${__field.labels.${name}:percentencode}`;

/** A variable of the dashboard. */
export const variable = (name: string): string => `\${${name}:percentencode}`;

const SERVICE = `service=${variable('service')}`;
const TIME = `lookback=custom&start=\${__from}000&end=\${__to}000&limit=20`;

/** Spans of one operation, as Jaeger's address wants it. */
export function traces(title: string, operation: string, minDuration = ''): Link {
  const wanted = minDuration === '' ? operation : `${operation}&minDuration=${minDuration}`;
  return link(title, { url: `\${jaeger:raw}/search?${SERVICE}&operation=${wanted}&${TIME}`, targetBlank: true });
}

/** Waits by how long they took: 20 ms is where the agent begins to send spans, and all are bounds of the histogram. */
export function tracesByDuration(what: string, operation: string): Link[] {
  return ['20ms', '100ms', '1s', '10s'].map((least) => traces(`${what} of ${least} and more`, operation, least));
}

/** Everything that had to wait, whatever it waited for. */
export function contendedTraces(): Link {
  const tags = encodeURIComponent('{"gridwatch.contended":"true"}');
  return link('Contended traces', { url: `\${jaeger:raw}/search?${SERVICE}&tags=${tags}&${TIME}`, targetBlank: true });
}

/** A dashboard about what was clicked, which `chosen` says; process and time stay chosen. */
export function dashboardAbout(title: string, area: string, chosen = ''): Link {
  const kept = `\${datasource:queryparam}&\${job:queryparam}&\${instance:queryparam}&\${__url_time_range}`;
  return link(title, { url: `/d/gridwatch-${area}?${kept}${chosen === '' ? '' : `&${chosen}`}` });
}

/** The list of all dashboards, above each of them. */
export function allDashboards(): Link {
  const type = DashboardLinkType.Dashboards;
  return link('Gridwatch', { type, tags: ['gridwatch'], asDropdown: true, includeVars: true, keepTime: true });
}

function link(title: string, fields: Partial<DashboardLink>): Link {
  const unless = { asDropdown: false, targetBlank: false, includeVars: false, keepTime: false };
  const built = { title, type: DashboardLinkType.Link, icon: '', tooltip: '', tags: [], ...unless, ...fields };
  return { build: () => built };
}
