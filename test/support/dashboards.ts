/**
 * Reads the dashboards in `collector-config/dashboards/` as Grafana would, and takes their PromQL apart with the parser of Prometheus's own interface. Runs
 * in a test's own process.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parser } from '@prometheus-io/lezer-promql';
import { namesOf } from './collector-catalog.ts';

const FOLDER = fileURLToPath(new URL('../../collector-config/dashboards/', import.meta.url));

export interface DashboardLink {
  readonly title: string;
  readonly url?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly {
    readonly refId?: string;
    readonly expr: string;
    readonly legendFormat?: string;
    readonly exemplar?: boolean;
  }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string; readonly links?: readonly DashboardLink[] } };
  readonly links?: readonly DashboardLink[];
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly multi: boolean;
  readonly regex?: string;
  readonly query: string | { readonly query: string };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly editable: boolean;
  readonly schemaVersion: number;
  readonly tags: readonly string[];
  readonly links: readonly DashboardLink[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

/** By the file's name without its ending. */
export function shippedDashboards(): ReadonlyMap<string, Dashboard> {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return new Map(
    files.map((name) => [name.slice(0, -5), JSON.parse(readFileSync(FOLDER + name, 'utf8')) as Dashboard]),
  );
}

/** Without the headings of rows. */
export function panelsOf(dashboard: Dashboard): Panel[] {
  return dashboard.panels.filter(({ type }) => type !== 'row');
}

/** A query with what Grafana would put in the place of variables: those given, and its own. */
export function filledIn(query: string, values: Readonly<Record<string, string>> = {}): string {
  const all: Record<string, string> = { __rate_interval: '1m', __range: '1h', ...values };
  return query.replaceAll(/\$(?:\{(\w+)(?::\w+)?\}|(\w+))/g, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? '';
    const value = all[name];
    if (value === undefined) throw new Error(`a variable without a value, ${name}: ${query}`);
    return value;
  });
}

/** What a variable asks Prometheus for, and the label whose values are the choices. */
export function queryOfVariable({ name, query, regex = '' }: Variable): {
  readonly expr: string;
  readonly label: string;
} {
  const text = typeof query === 'string' ? query : query.query;
  const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(text) ?? [];
  if (selector !== undefined && label !== undefined) return { expr: selector, label };
  const [, expr] = /^query_result\((.*)\)$/.exec(text) ?? [];
  const [, inText] = /^\/(\w+)="/.exec(regex) ?? [];
  if (expr === undefined || inText === undefined) throw new Error(`a variable that asks for no label: ${name}`);
  return { expr, label: inText };
}

/** What Grafana chooses when a dashboard is opened: all where several may be chosen, else the first. `ask` answers with the labels of each series. */
export async function openedWith(
  { templating }: Dashboard,
  ask: (expr: string) => Promise<readonly Readonly<Record<string, string>>[]>,
): Promise<Readonly<Record<string, string>>> {
  const values: Record<string, string> = {};
  for (const variable of templating.list.filter(({ type }) => type === 'query')) {
    const { expr, label } = queryOfVariable(variable);
    const series = await ask(filledIn(expr, values));
    const choices = [...new Set(series.map((labels) => labels[label] ?? ''))];
    values[variable.name] = (variable.multi ? choices.map(escaped).join('|') : choices[0]) ?? '';
  }
  return values;
}

/** For a regular expression inside of a string. */
function escaped(text: string): string {
  return text.replaceAll(/[.*+?^$(){}|[\]\\]/g, String.raw`\\$&`);
}

/** A part of an expression, as the grammar names it. */
export interface PromqlNode {
  readonly name: string;
  readonly text: string;
  readonly children: readonly PromqlNode[];
}

/** @throws Error when it is no PromQL. */
export function parsePromql(expression: string): PromqlNode {
  const cursor = parser.parse(expression).cursor();
  const read = (): PromqlNode => {
    const { name, from, to } = cursor;
    if (cursor.type.isError) throw new Error(`no PromQL at ${from}, before "${expression.slice(from)}": ${expression}`);
    const children: PromqlNode[] = [];
    if (cursor.firstChild()) {
      do children.push(read());
      while (cursor.nextSibling());
      cursor.parent();
    }
    return { name, text: expression.slice(from, to), children };
  };
  return read();
}

/** All parts of that name, at any depth. */
function partsOf(node: PromqlNode, name: string): PromqlNode[] {
  const inside = node.children.flatMap((child) => partsOf(child, name));
  return node.name === name ? [node, ...inside] : inside;
}

export interface VectorSelector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** What an expression asks for. A pattern of names is each of them. */
export function vectorsOf(node: PromqlNode): VectorSelector[] {
  const first = (part: PromqlNode, name: string): string => partsOf(part, name)[0]?.text ?? '';
  return partsOf(node, 'VectorSelector').flatMap((selector) => {
    const all = partsOf(selector, 'UnquotedLabelMatcher').map((matcher) => ({
      label: first(matcher, 'LabelName'),
      operator: first(matcher, 'MatchOp'),
      value: first(matcher, 'StringLiteral').slice(1, -1),
    }));
    const pattern = all.find(({ label }) => label === '__name__');
    const matchers = all.filter((matcher) => matcher !== pattern);
    const names = pattern === undefined ? [first(selector, 'Identifier')] : namesOf(pattern.value);
    return names.map((metric) => ({ metric, matchers }));
  });
}

/** Labels by which an expression groups or joins. */
export function groupingOf(node: PromqlNode): string[] {
  return partsOf(node, 'GroupingLabels').flatMap((list) => partsOf(list, 'LabelName').map(({ text }) => text));
}

/** What is added up: every `sum` in an expression. */
export function sumsOf(node: PromqlNode): PromqlNode[] {
  return partsOf(node, 'AggregateExpr').filter((part) => part.children[0]?.text === 'sum');
}
