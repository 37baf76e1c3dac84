/** What `collector-config/alertmanager.yaml` keeps back, against the alerts of `collector-config/rules/`. Reads files. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Alert, shippedAlerts } from '../../support/alert-rules.ts';

const ALERTMANAGER = new URL('../../../collector-config/alertmanager.yaml', import.meta.url);

const alerts = shippedAlerts();

it('what keeps an alert back is another alert, and both have the labels that must be equal', () => {
  const { inhibit_rules: rules } = parse(readFileSync(ALERTMANAGER, 'utf8')) as { inhibit_rules: Inhibition[] };
  const matchedBy = ([matcher = '', ...others]: readonly string[]): Alert[] => {
    expect(others).toEqual([]);
    const [, operator, value = ''] = /^alertname (=~?) "?(.*?)"?$/.exec(matcher) ?? [];
    const pattern = new RegExp(operator === '=~' ? `^(?:${value})$` : `^${value}$`);
    return alerts.filter(({ alert }) => pattern.test(alert));
  };
  expect(rules).not.toEqual([]);
  for (const { source_matchers: source, target_matchers: target, equal } of rules) {
    const [sources, targets] = [matchedBy(source), matchedBy(target)];
    expect(sources).toHaveLength(1);
    expect(targets).toHaveLength(namesIn(target));
    for (const { expr } of [...sources, ...targets]) {
      const [, labels = ''] = /^(?:sum|max|count) by \(([^)]*)\)/.exec(expr) ?? [];
      expect(labels.split(', ')).toEqual(expect.arrayContaining(equal));
    }
  }
});

interface Inhibition {
  readonly source_matchers: readonly string[];
  readonly target_matchers: readonly string[];
  readonly equal: string[];
}

/** How many alerts a matcher spells out: each alternative in its pattern, nested ones for the one they are in. */
function namesIn([matcher = '']: readonly string[]): number {
  const leaves = matcher.replaceAll(/\w+\(([^()]*)\)/g, '$1');
  return leaves.split('|').length;
}
