/**
 * The README's tables of everything that leaves the process. Runs in the process of `npm run catalog`; pure, text only.
 */
import {
  ATTRIBUTES,
  type AttributeDefinition,
  LOG_EVENTS,
  type LogDefinition,
  METRICS,
  type MetricDefinition,
  RESOURCE,
  SPANS,
  type SpanDefinition,
} from '../../agent/agent-thread/telemetry/catalog.ts';

/** Between these the README's tables stand. */
const BEGIN = '<!-- catalog: written by `npm run catalog` -->';
const END = '<!-- end of the catalog -->';

type Row = readonly string[];

const code = (text: string): string => `\`${text}\``;

function table(headings: Row, rows: readonly Row[]): string {
  const line = (cells: Row): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), `|${headings.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

/** What takes it away: a feature, or all that share it; or the exporter of its signal. */
function switchOf(feature: MetricDefinition['feature'], exporter: string): string {
  return feature === undefined
    ? code(`${exporter}=none`)
    : code(
        [feature]
          .flat()
          .map((one) => `-${one}`)
          .join(),
      );
}

function metricRows(): Row[] {
  return Object.entries(METRICS as Record<string, MetricDefinition>).map(([name, metric]) => [
    code(name),
    `${metric.instrument}, ${code(metric.unit)}`,
    metric.attributes.map(code).join(', '),
    metric.brief,
    switchOf(metric.feature, 'OTEL_METRICS_EXPORTER'),
  ]);
}

function spanRows(): Row[] {
  return Object.entries(SPANS as Record<string, SpanDefinition>).map(([name, { brief, when, attributes, feature }]) => [
    code(name),
    `${brief} When: ${when}.`,
    attributes.map(code).join(', '),
    switchOf(feature, 'OTEL_TRACES_EXPORTER'),
  ]);
}

function logRows(): Row[] {
  return Object.entries(LOG_EVENTS as Record<string, LogDefinition>).map(([name, { severity, brief, attributes }]) => [
    code(name),
    severity.toUpperCase(),
    brief,
    attributes.map(code).join(', '),
    switchOf(undefined, 'OTEL_LOGS_EXPORTER'),
  ]);
}

function attributeRows(): Row[] {
  return Object.entries(ATTRIBUTES as Record<string, AttributeDefinition>).map(([name, { type, values, brief }]) => [
    code(name),
    type,
    values === undefined ? brief : `${brief} One of ${values.map(code).join(', ')}.`,
  ]);
}

function resourceRows(): Row[] {
  return Object.entries(RESOURCE).map(([name, { brief, from }]) => [code(name), brief, from]);
}

function folded(title: string, text: string): string {
  return `<details><summary>${title}</summary>\n\n${text}\n\n</details>`;
}

/** All of them; each can be unfolded. */
export function catalogTables(): string {
  const metrics = metricRows();
  const attributes = attributeRows();
  return [
    folded(`Spans: ${spanRows().length} kinds`, table(['span', 'what and when', 'attributes', 'off with'], spanRows())),
    folded(
      `Log records: ${logRows().length} events`,
      table(['event', 'severity', 'what', 'attributes', 'off with'], logRows()),
    ),
    folded(
      `Metrics: ${metrics.length}`,
      table(['metric', 'instrument, unit', 'attributes', 'what', 'off with'], metrics),
    ),
    folded(`Attributes of all these: ${attributes.length}`, table(['attribute', 'type', 'what'], attributes)),
    folded('The resource', table(['attribute', 'what', 'from, the first that has it'], resourceRows())),
  ].join('\n\n');
}

/** @throws Error when the text has no place for the tables. */
export function withTables(readme: string, tables: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md must have the lines ${BEGIN} and ${END}`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${readme.slice(end)}`;
}
