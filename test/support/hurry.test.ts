/** The shipped rules in a hurry: what they ask for stays, how long they wait does not. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { HURRIED_COLLECTOR, hurried } from './hurry.ts';

const CONFIG = new URL('../../collector-config/', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, CONFIG), 'utf8');
/** In seconds: where a minute's second is not enough, because scrapes fail, or are seconds apart. */
const LONGER: Readonly<Record<string, number>> = {
  GridwatchAgentLost: 15,
  GridwatchAgentSilent: 40,
  GridwatchCollectorDown: 40,
};
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

  it('has a second for each minute of `for`, some more where scrapes decide, and no window of minutes that is shorter than half an hour', () => {
    const text = hurried(shipped);
    const wanted = waits(shipped, 'm').map(({ alert, count }) => ({
      alert,
      count: LONGER[alert] ?? count,
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

it('collector.yaml stays what it is, but for how long it shows what is not sent any more, and counts what is over', () => {
  const { exporters, connectors } = parse(read('collector.yaml')) as typeof changed;
  const changed = parse(HURRIED_COLLECTOR.replace(/^yaml:/, '')) as {
    readonly exporters: { readonly prometheus: object };
    readonly connectors: { readonly span_metrics: object };
  };
  expect(Object.keys(changed)).toEqual(['exporters', 'connectors']);
  for (const [key, value] of Object.entries({ ...changed.exporters.prometheus, ...changed.connectors.span_metrics })) {
    const shipped = Object.entries({ ...exporters.prometheus, ...connectors.span_metrics }).find(
      ([each]) => each === key,
    );
    expect(String(shipped?.[1])).toMatch(/^\d+[sm]$/);
    expect(value).toMatch(/^\d+s$/);
  }
});

it('refuses an alert that does not ask for what it was to ask less of', () => {
  const changed = '      - alert: GridwatchQueueItemOld\n        expr: gridwatch_queue_oldest_item_age_seconds > 59\n';
  expect(() => hurried(changed)).toThrow('GridwatchQueueItemOld does not ask for > 60');
});
