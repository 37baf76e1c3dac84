/** The shipped rules in a hurry: what they ask for stays, how long they wait does not. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { HURRIED_COLLECTOR, hurried } from './hurry.ts';

const CONFIG = new URL('../../collector-config/', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, CONFIG), 'utf8');
const COUNT_SCRAPES: readonly string[] = ['GridwatchCollectorDown', 'GridwatchAgentSilent'];
/** What each alert has as `for`, of those that have one. */
const waits = (text: string, unit: 'm' | 's'): { alert: string; count: number }[] =>
  text.split(/^ {6}- alert: /m).flatMap((part) => {
    const [alert = ''] = part.split('\n');
    const [, count] = new RegExp(`^ *for: (\\d+)${unit}$`, 'm').exec(part) ?? [];
    return count === undefined ? [] : [{ alert, count: Number(count) }];
  });
/** Numbers, and what they count: seconds, minutes and so on. */
const withoutNumbers = (text: string): string => text.replaceAll(/\d+(?:\.\d+)?(?:[smhdw]\b)?/g, 'N');

describe.each(readdirSync(new URL('rules/', CONFIG)))('%s', (file) => {
  const shipped = read(`rules/${file}`);

  it('has a second for each minute of `for`, thirteen scrapes where those fail, and no window of minutes that is shorter than half an hour', () => {
    const text = hurried(shipped);
    const wanted = waits(shipped, 'm').map(({ alert, count }) => ({
      alert,
      count: COUNT_SCRAPES.includes(alert) ? 40 : count,
    }));
    expect(waits(text, 's')).toEqual(wanted);
    expect(text).not.toMatch(/\[(?:5|10)m/);
  });

  it('differs in numbers only', () => {
    expect(withoutNumbers(hurried(shipped))).toBe(withoutNumbers(shipped));
    expect(hurried(shipped)).not.toBe(shipped);
  });
});

it.each(['prometheus.yml', 'alertmanager.yaml'])('%s stays what it is', (file) => {
  expect(withoutNumbers(hurried(read(file)))).toBe(withoutNumbers(read(file)));
  expect(() => parse(hurried(read(file))) as unknown).not.toThrow();
});

it('collector.yaml stays what it is, but for how long it shows what is not sent any more', () => {
  const path = ['exporters', 'prometheus', 'metric_expiration'];
  const { exporters } = parse(read('collector.yaml')) as {
    exporters: { prometheus: { metric_expiration: string } };
  };
  expect(withoutNumbers(HURRIED_COLLECTOR)).toBe(
    withoutNumbers(`yaml:${path.join('::')}: ${exporters.prometheus.metric_expiration}`),
  );
});

it('refuses an alert that does not ask for what it was to ask less of', () => {
  const changed = '      - alert: GridwatchQueueItemOld\n        expr: gridwatch_queue_oldest_item_age_seconds > 59\n';
  expect(() => hurried(changed)).toThrow('GridwatchQueueItemOld does not ask for > 60');
});
