/** What `npm run catalog` makes of the catalog, and that what is committed is what it makes: the check can fail. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LOG_EVENTS, METRICS, RESOURCE, SPANS } from '../../../agent/agent-thread/telemetry/catalog.ts';
import { catalogDocument } from '../../catalog/document.ts';
import { catalogTables, withTables } from '../../catalog/tables.ts';

const ROOT = new URL('../../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, ROOT), 'utf8');
const NAMES = [METRICS, SPANS, LOG_EVENTS, RESOURCE].flatMap((list) => Object.keys(list));

describe('the tables', () => {
  test('have every metric, span, event and attribute of the resource', () => {
    const tables = catalogTables();
    for (const name of NAMES) expect(tables).toContain(`| \`${name}\` |`);
  });

  test('stand in the README as they are generated', () => {
    expect(withTables(read('README.md'), catalogTables())).toBe(read('README.md'));
    expect(withTables(read('README.md'), 'another')).not.toBe(read('README.md'));
  });

  test('need their place', () => {
    expect(() => withTables('# A page', '')).toThrow(/must have the lines/);
  });

  test('have as many cells in each row as in their heading', () => {
    const widths = catalogTables()
      .split('\n\n')
      .filter((block) => block.startsWith('|'))
      .map((block) => new Set(block.split('\n').map((line) => line.split(/(?<!\\)\|/).length)));
    expect(widths).toHaveLength(5);
    for (const width of widths) expect(width.size).toBe(1);
  });
});

describe('catalog.json', () => {
  test('has every name once', () => {
    const document = JSON.parse(read('agent/catalog.json')) as Record<string, { name: string }[]>;
    const names = ['metrics', 'spans', 'logs', 'resource'].flatMap((list) => document[list]?.map(({ name }) => name));
    expect(new Set(names)).toEqual(new Set(NAMES));
    expect(names).toHaveLength(NAMES.length);
  });

  test('is what is generated', () => {
    expect(JSON.parse(read('agent/catalog.json'))).toEqual(JSON.parse(JSON.stringify(catalogDocument())));
  });
});

test('the README names no metric that does not exist', () => {
  const named = read('README.md').matchAll(
    /`((?:gridwatch|v8js|nodejs|system|process|container)\.[a-z0-9_.]+[a-z0-9])`/g,
  );
  const known = new Set<string>([
    ...NAMES,
    ...(JSON.parse(read('agent/catalog.json')) as { attributes: { name: string }[] }).attributes.map(
      ({ name }) => name,
    ),
  ]);
  expect(Array.from(named, ([, name = '']) => name).filter((name) => !known.has(name))).toEqual([]);
});
