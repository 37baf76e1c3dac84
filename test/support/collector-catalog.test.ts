/** The names of a Collector's metrics, and the patterns that ask for several of them. */
import { expect, it } from 'vitest';
import { collectorLabels, namesOf, requiredLabels } from './collector-catalog.ts';

it('knows a metric with the suffix or without it, and no other', () => {
  expect(collectorLabels('otelcol_receiver_refused_spans')).toEqual(['receiver', 'transport']);
  expect(collectorLabels('otelcol_receiver_refused_spans_total')).toEqual(['receiver', 'transport']);
  expect(collectorLabels('otelcol_receiver_refused_span')).toBeUndefined();
  expect(collectorLabels('otelcol_exporter_send_failed_spans')).toContain('error_type');
  expect(requiredLabels('otelcol_exporter_send_failed_spans')).toEqual(['exporter']);
});

it('finds the names for which a pattern asks', () => {
  expect(namesOf('a')).toEqual(['a']);
  expect(namesOf('a_(b|c)(_total)?')).toEqual(['a_b', 'a_b_total', 'a_c', 'a_c_total']);
  expect(namesOf('a_(b_(c|d)|e)_f')).toEqual(['a_b_c_f', 'a_b_d_f', 'a_e_f']);
  expect(() => namesOf('a_(b')).toThrow('a parenthesis without its other: a_(b');
});
