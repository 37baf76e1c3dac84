/**
 * The kinds of panel that the dashboards are made of. Runs in the process of `npm run dashboards`; it asks nothing of a Grafana.
 *
 * Numbers of panels are written out, and never used for another panel: the links of alerts lead to them.
 */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import type { Link } from './links.ts';

export interface PanelText {
  /** Unique in its dashboard, for good. */
  readonly id: number;
  readonly title: string;
  readonly description: string;
  /** As Grafana names units. */
  readonly unit: string;
  /** Each query with what its series are called, labels in double braces. */
  readonly queries: readonly (readonly [expression: string, legend: string])[];
  /** For each series; they may use its labels. */
  readonly links?: readonly Link[];
  /** Of 24 columns. */
  readonly width?: number;
  /** In rows of the grid. */
  readonly height?: number;
}

/** The data source of all panels and variables. */
export const SOURCE = { type: 'prometheus', uid: `\${datasource}` };

const HEIGHT = 8;
const STAT_HEIGHT = 4;

/** What the builders of all kinds have. */
interface AnyBuilder extends Builder<Panel> {
  id(id: number): unknown;
  title(title: string): unknown;
  description(description: string): unknown;
  unit(unit: string): unknown;
  datasource(source: common.DataSourceRef): unknown;
  span(width: number): unknown;
  height(height: number): unknown;
  targets(targets: Builder<Dataquery>[]): unknown;
  dataLinks(links: Link[]): unknown;
}

/** Lines over time, with a legend that says the greatest of each. */
export function lines(text: PanelText): Panel {
  return filled(timePanel().fillOpacity(8), text, targetsOf(text));
}

/** Parts of a whole over time. */
export function stack(text: PanelText): Panel {
  const stacking = new common.StackingConfigBuilder().mode(common.StackingMode.Normal);
  return filled(timePanel().stacking(stacking).fillOpacity(60).lineWidth(0), text, targetsOf(text));
}

/** A histogram over time; its only query gives buckets, and the unit is that of their bounds. */
export function histogram(text: PanelText): Panel {
  const targets = targetsOf(text).map((target) => target.format(prometheus.PromQueryFormat.Heatmap).exemplar(true));
  const panel = heatPanel()
    .yAxis(new heatmap.YAxisConfigBuilder().unit(text.unit))
    .cellValues(new heatmap.CellValuesBuilder().unit('cps'))
    .links([...(text.links ?? [])]);
  return filled(panel, text, targets);
}

/** A row for each series, and a colour for how much of its time: from none to all of it. */
export function shares(text: PanelText): Panel {
  const panel = heatPanel(0, 1).cellValues(new heatmap.CellValuesBuilder().unit(text.unit));
  return filled(panel, text, targetsOf(text));
}

/** One number each, as it is now. */
export function number(text: PanelText): Panel {
  const reduced = new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']);
  const panel = new stat.PanelBuilder().reduceOptions(reduced).colorMode(common.BigValueColorMode.None);
  return filled(panel, { width: 4, ...text }, targetsOf(text), STAT_HEIGHT);
}

/** A line of text for each series, as it is now; of some only the names say anything. */
export function list(text: PanelText & { readonly hasNoValue?: boolean }): Panel {
  const targets = targetsOf(text).map((target) => target.instant().format(prometheus.PromQueryFormat.Table));
  const panel = new table.PanelBuilder().withTransformation({
    id: 'organize',
    options: { excludeByName: { Time: true, Value: text.hasNoValue === true } },
  });
  return filled(panel, text, targets);
}

function filled(panel: AnyBuilder, text: PanelText, targets: Builder<Dataquery>[], height = HEIGHT): Panel {
  panel.id(text.id);
  panel.title(text.title);
  panel.description(text.description);
  panel.unit(text.unit);
  panel.datasource(SOURCE);
  panel.span(text.width ?? 12);
  panel.height(text.height ?? height);
  panel.targets(targets);
  if (text.links !== undefined) panel.dataLinks([...text.links]);
  return panel.build();
}

function targetsOf({ queries }: PanelText): prometheus.DataqueryBuilder[] {
  return queries.map(([expression, legend], at) =>
    new prometheus.DataqueryBuilder()
      .datasource(SOURCE)
      .expr(expression)
      .legendFormat(legend)
      .refId(String.fromCharCode(65 + at))
      .range(),
  );
}

function timePanel(): timeseries.PanelBuilder {
  const legend = new common.VizLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.Table)
    .placement(common.LegendPlacement.Bottom)
    .showLegend(true)
    .calcs(['lastNotNull', 'max'])
    .sortBy('Max')
    .sortDesc(true);
  const tooltip = new common.VizTooltipOptionsBuilder()
    .mode(common.TooltipDisplayMode.Multi)
    // oxlint-disable-next-line unicorn/no-array-sort -- it is a builder, not an array
    .sort(common.SortOrder.Descending);
  return new timeseries.PanelBuilder()
    .legend(legend)
    .tooltip(tooltip)
    .axisSoftMin(0)
    .showPoints(common.VisibilityMode.Never);
}

function heatPanel(min?: number, max?: number): heatmap.PanelBuilder {
  const color = new heatmap.HeatmapColorOptionsBuilder()
    .mode(heatmap.HeatmapColorMode.Scheme)
    .scheme('Oranges')
    .fill('dark-orange')
    .exponent(0.5)
    .steps(64);
  if (min !== undefined) color.min(min);
  if (max !== undefined) color.max(max);
  const tooltip = new heatmap.HeatmapTooltipBuilder().mode(common.TooltipDisplayMode.Single).showColorScale(true);
  return new heatmap.PanelBuilder().calculate(false).color(color).cellGap(1).showLegend().tooltip(tooltip);
}
