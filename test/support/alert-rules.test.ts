/** The reader of rules, on expressions of the kinds that the shipped files have. */
import { describe, expect, it } from 'vitest';
import { groupingLabelsOf, queriesOf, selectorsOf, shippedAlerts, thresholdsOf } from './alert-rules.ts';

const QUANTILE = `max by (job) (
  histogram_quantile(0.99, sum by (job, le) (rate(wait_seconds_bucket{kind=~"a|b)", name!~"(x|y)@.*"}[5m]))) > 0.25
  and sum by (job) (rate(wait_seconds_count[5m])) > 0.1
)`;

describe('selectorsOf', () => {
  it('finds metrics, not functions, keywords, labels, strings or durations', () => {
    expect(selectorsOf(QUANTILE).map(({ metric }) => metric)).toEqual(['wait_seconds_bucket', 'wait_seconds_count']);
    expect(
      selectorsOf('a_total unless present_over_time(b_total[1d] offset 30m) > 1e3').map((each) => each.metric),
    ).toEqual(['a_total', 'b_total']);
  });

  it('finds each metric that a pattern of names asks for, beside a keyword as well', () => {
    const [first, ...others] = selectorsOf('sum by (a) ({__name__=~"x_(y|z)", a="b"}) and {__name__="v"} > 0');
    expect(first).toEqual({ metric: 'x_y', matchers: [{ label: 'a', operator: '=', value: 'b' }] });
    expect(others.map(({ metric }) => metric)).toEqual(['x_z', 'v']);
  });

  it('finds what a metric is matched with', () => {
    expect(selectorsOf(QUANTILE)[0]?.matchers).toEqual([
      { label: 'kind', operator: '=~', value: 'a|b)' },
      { label: 'name', operator: '!~', value: '(x|y)@.*' },
    ]);
    expect(selectorsOf('up{job=%q, le="0.1"}')[0]?.matchers.map(({ label }) => label)).toEqual(['job', 'le']);
  });
});

it('groupingLabelsOf finds every label that is grouped by', () => {
  expect(groupingLabelsOf(QUANTILE)).toEqual(['job', 'job', 'le', 'job']);
});

it('thresholdsOf finds what a call is compared with, whatever stands inside of it', () => {
  expect(thresholdsOf(QUANTILE, 'histogram_quantile')).toEqual([0.25]);
  expect(() => thresholdsOf('histogram_quantile(0.9, x)', 'histogram_quantile')).toThrow('compared with nothing');
});

it('queriesOf finds the queries of a template', () => {
  const template =
    'x {{ range $i, $e := printf "sum by (a) (m{job=%q}) > 0" $labels.job | query | sortByLabel "a" }}y{{ end }}';
  expect(queriesOf(template)).toEqual(['sum by (a) (m{job=%q}) > 0']);
  expect(queriesOf('{{ printf "lock.wait %s" $labels.job | urlquery }}')).toEqual([]);
});

it('shippedAlerts knows the comment above each alert', () => {
  for (const { comment } of shippedAlerts()) expect(comment).toMatch(/^ +# /);
});
