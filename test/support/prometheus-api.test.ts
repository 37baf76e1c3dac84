/** How a page of metrics is read. */
import { expect, it } from 'vitest';
import { parseMetricsPage } from './prometheus-api.ts';

it('reads names, labels and values, and leaves the comments', () => {
  const page = [
    '# HELP a_total What it counts.',
    '# TYPE a_total counter',
    'a_total{x="1",y="a \\"b\\", {c}"} 3',
    'up 1',
    'latency_bucket{le="+Inf"} 2e+06',
    'stamped{x=""} -0.5 1700000000000',
    'endless +Inf',
    '',
  ].join('\n');
  expect(parseMetricsPage(page)).toEqual([
    { labels: { __name__: 'a_total', x: '1', y: 'a \\"b\\", {c}' }, value: 3 },
    { labels: { __name__: 'up' }, value: 1 },
    { labels: { __name__: 'latency_bucket', le: '+Inf' }, value: 2_000_000 },
    { labels: { __name__: 'stamped', x: '' }, value: -0.5 },
    { labels: { __name__: 'endless' }, value: Infinity },
  ]);
});

it('refuses what is no page of metrics', () => {
  expect(() => parseMetricsPage('<html>not found here</html> x y')).toThrow('not a line of metrics');
});
