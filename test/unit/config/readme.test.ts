/** The README's settings are the settings there are, with the defaults they have. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatValue, SETTINGS } from '../../../agent/config/env.ts';

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
const DEFAULTS = new Map<string, string>(
  Object.values(SETTINGS).map(({ variable, byDefault }) => [variable, formatValue(byDefault)]),
);

/** The rows of its table: a variable, its default, its meaning. */
const rows = Array.from(README.matchAll(/^\| `(GRIDWATCH_\w+)` \| (.*?) ?\|/gm), ([, name = '', byDefault = '']) => {
  return [name, byDefault] as const;
});

describe('the README', () => {
  it('has a table of settings', () => expect(rows.length).toBeGreaterThan(5));

  it.each(rows)('gives %s the default it has: %j', (name, byDefault) => {
    expect(DEFAULTS.get(name)).toBe(byDefault);
  });

  it('names no setting that does not exist', () => {
    const names = new Set(README.match(/\bGRIDWATCH_[A-Z][A-Z_]*[A-Z]\b/g));
    expect([...names].filter((name) => !DEFAULTS.has(name) && !name.startsWith('GRIDWATCH_TEST_'))).toEqual([]);
  });
});
