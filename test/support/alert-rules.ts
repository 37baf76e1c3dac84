/**
 * Reads the files of rules in `collector-config/`, and takes their PromQL apart as far as a test of names needs it. Runs in a test's own process. It is no
 * parser: it knows the PromQL that these files use, and nothing else of it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { namesOf } from './collector-catalog.ts';

const RULES = fileURLToPath(new URL('../../collector-config/rules/', import.meta.url));

export interface Alert {
  /** The file's name without its ending. */
  readonly file: string;
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The comment above it. */
  readonly comment: string;
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Omit<Alert, 'file' | 'comment'>[] }[];
}

export function shippedAlerts(): Alert[] {
  return readdirSync(RULES).flatMap((name) => {
    const text = readFileSync(`${RULES}${name}`, 'utf8');
    const rules = (parse(text) as RuleFile).groups.flatMap((group) => group.rules);
    return rules.map((rule) => ({ ...rule, file: basename(name, '.yaml'), comment: commentAbove(text, rule.alert) }));
  });
}

function commentAbove(text: string, alert: string): string {
  const [, comment = ''] = new RegExp(`((?: *#[^\\n]*\\n)*) *- alert: ${alert}\\n`).exec(text) ?? [];
  return comment;
}

/** A metric where an expression names it, and the matchers it stands with. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

const WORDS = new Set([
  'and',
  'or',
  'unless',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'offset',
]);
const STRING = /"(?:[^"\\]|\\.)*"/g;
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*(%q|"((?:[^"\\]|\\.)*)")/g;

/** What the expression asks for, in the order in which it does. A pattern of names is each of them. */
export function selectorsOf(expression: string): Selector[] {
  const withoutLabels = expression.replaceAll(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, '');
  // Outside of braces and strings a word is a metric, unless it is called or a keyword. That of a duration stands behind a digit.
  const found = withoutLabels.matchAll(/(?<![\w.])([a-zA-Z_:][\w:]*)?\s*(\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\}|\()?/g);
  return Array.from(found, ([, word = '', next = '']) => ({ word: WORDS.has(word) ? '' : word, next }))
    .filter(({ word, next }) => next !== '(' && (word !== '' || next !== ''))
    .flatMap(({ word, next }) => {
      const matchers = Array.from(next.matchAll(MATCHER), ([, label = '', operator = '', , value = '']) => ({
        label,
        operator,
        value,
      }));
      const pattern = matchers.find(({ label }) => label === '__name__');
      const others = matchers.filter((matcher) => matcher !== pattern);
      const names = pattern === undefined ? [word] : namesOf(pattern.value);
      return names.map((metric) => ({ metric, matchers: others }));
    });
}

/** Labels by which the expression groups or matches. */
export function groupingLabelsOf(expression: string): string[] {
  const lists = expression.replaceAll(STRING, '""').matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g);
  return Array.from(lists, ([, list = '']) => list.split(',').map((label) => label.trim())).flat();
}

/** The queries inside of a template: what is formatted and piped into `query`. */
export function queriesOf(template: string): string[] {
  return Array.from(template.matchAll(/printf ("(?:[^"\\]|\\.)*")[^}]*?\| query/g), ([, quoted = '""']) =>
    String(JSON.parse(quoted)),
  );
}

/** What each call of a function is compared with by `>`. */
export function thresholdsOf(expression: string, called: string): number[] {
  const thresholds: number[] = [];
  for (let at = expression.indexOf(`${called}(`); at >= 0; at = expression.indexOf(`${called}(`, at + 1)) {
    const after = expression.slice(endOfCall(expression, at + called.length));
    const [, threshold] = /^\s*>\s*([\d.e-]+)/.exec(after) ?? [];
    if (threshold === undefined) throw new Error(`a ${called} that is compared with nothing: ${expression}`);
    thresholds.push(Number(threshold));
  }
  return thresholds;
}

/** The index after the parenthesis that closes the one at `open`. */
function endOfCall(expression: string, open: number): number {
  const bare = expression.replaceAll(STRING, (text) => ' '.repeat(text.length));
  let depth = 0;
  for (let at = open; at < bare.length; at++) {
    if (bare[at] === '(') depth++;
    if (bare[at] === ')' && --depth === 0) return at + 1;
  }
  throw new Error(`a parenthesis without its other: ${expression}`);
}
