/**
 * A dashboard from its rows of panels: the variables, links and settings that all of them have. Runs in the process of `npm run dashboards`.
 *
 * `job` is one service, because a link to Jaeger can name one only. `service` and `jaeger` are not shown: the service as Jaeger knows it, which is `job` without
 * its namespace (the scope of a package, `@acme/shop`, is part of its name), and where a reader's browser finds Jaeger.
 */
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { allDashboards, contendedTraces } from './links.ts';
import { SOURCE } from './panels.ts';
import { series } from './queries.ts';

export interface DashboardText {
  /** Its uid is `gridwatch-<area>`, its file `<area>.json`. */
  readonly area: string;
  readonly title: string;
  readonly description: string;
  /** After those that all dashboards have. */
  readonly variables?: readonly QueryVariableBuilder[];
  /** The first has no heading. */
  readonly rows: readonly Row[];
}

export interface Row {
  readonly heading: string;
  readonly panels: readonly Panel[];
}

/** Above the numbers of all panels. */
const FIRST_ROW_ID = 1_000;

export function dashboardOf({ area, title, description, variables = [], rows }: DashboardText): object {
  // oxlint-disable-next-line typescript/no-deprecated -- the newer schema is not what a Grafana before 12 and most tools read
  const builder = new DashboardBuilder(title)
    .uid(`gridwatch-${area}`)
    .description(description)
    .tags(['gridwatch'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .variables([...sharedVariables(), ...variables])
    .links([allDashboards(), contendedTraces()]);
  for (const [at, { heading, panels }] of rows.entries()) {
    if (at > 0) builder.withRow(new RowBuilder(heading).id(FIRST_ROW_ID + at));
    for (const panel of panels) builder.withPanel({ build: () => panel });
  }
  return builder.build();
}

/** The values that a label has among the chosen processes. */
export function choices(name: string, title: string, metric: string, label: string): QueryVariableBuilder {
  // Series without the label are among all of them: OpenTelemetry's own instrumentations tell of the main thread, and do not name it.
  return severalOf(labelVariable(name, title, series(metric), label)).allValue('.*');
}

/** The values of a label in the answer to a query, the greatest first; one is chosen, at first the greatest. */
export function worst(name: string, title: string, expression: string, label: string): QueryVariableBuilder {
  const query = `query_result(sort_desc(${expression}))`;
  return queryVariable(name, title)
    .query({ qryType: 3, query, refId: 'Values' })
    .definition(query)
    .regex(`/${label}="([^"]*)"/`);
}

function sharedVariables(): (DatasourceVariableBuilder | QueryVariableBuilder | TextBoxVariableBuilder)[] {
  return [
    new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    labelVariable('job', 'Service', 'gridwatch_agent_uptime_seconds', 'job'),
    severalOf(labelVariable('instance', 'Process', 'gridwatch_agent_uptime_seconds{job="$job"}', 'instance')).allValue(
      '.*',
    ),
    labelVariable('service', 'Service in Jaeger', 'gridwatch_agent_uptime_seconds{job="$job"}', 'job')
      .regex('/^(?:[^@\\/]*\\/)?(.+)$/')
      .hide(VariableHide.HideVariable),
    new TextBoxVariableBuilder('jaeger')
      .label('Jaeger')
      .defaultValue('http://localhost:16686')
      .current({ text: 'http://localhost:16686', value: 'http://localhost:16686' })
      .hide(VariableHide.HideVariable),
  ];
}

/** All of them, until some are chosen. */
function severalOf(one: QueryVariableBuilder): QueryVariableBuilder {
  return one.multi(true).includeAll(true).current({ text: 'All', value: '$__all' });
}

function labelVariable(name: string, title: string, selector: string, label: string): QueryVariableBuilder {
  const query = `label_values(${selector}, ${label})`;
  return (
    queryVariable(name, title)
      .query({ qryType: 1, query, refId: 'Values' })
      .definition(query)
      // oxlint-disable-next-line unicorn/no-array-sort -- it is a builder, not an array
      .sort(VariableSort.AlphabeticalAsc)
  );
}

function queryVariable(name: string, title: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name).label(title).datasource(SOURCE).refresh(VariableRefresh.OnTimeRangeChanged);
}
