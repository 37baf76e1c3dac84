/**
 * What a Collector counts of itself, as far as rules and dashboards may ask for it. Plain data for the tests; an e2e test holds it against pages of real ones.
 *
 * Some builds end the names of counters in `_total`, others do not. Whoever asks for both says so in a pattern of `__name__`.
 */

const ITEMS = ['spans', 'metric_points', 'log_records'] as const;

const each = (prefix: string, labels: readonly string[]): [string, readonly string[]][] =>
  ITEMS.map((items) => [`${prefix}_${items}`, labels]);

/** By the name without `_total`: the labels that all of its series have, besides those that Prometheus adds. */
const LABELS: ReadonlyMap<string, readonly string[]> = new Map([
  ['otelcol_exporter_queue_size', ['exporter', 'data_type']],
  ['otelcol_exporter_queue_capacity', ['exporter', 'data_type']],
  ...each('otelcol_exporter_enqueue_failed', ['exporter']),
  ...each('otelcol_exporter_send_failed', ['exporter']),
  ...each('otelcol_exporter_sent', ['exporter']),
  ...each('otelcol_receiver_accepted', ['receiver', 'transport']),
  ...each('otelcol_receiver_refused', ['receiver', 'transport']),
  ...each('otelcol_receiver_failed', ['receiver', 'transport']),
  ...each('otelcol_processor_memory_limiter_refused', ['processor']),
  ['otelcol_processor_tail_sampling_sampling_trace_dropped_too_early', []],
  ['otelcol_processor_tail_sampling_count_traces_sampled', ['policy', 'decision']],
]);

/** Only with `level: detailed`, which the shipped files do not say: what asks for it must do without. */
const DETAILS: readonly string[] = ['error_type', 'error_permanent'];

/** The labels that a Collector's metric has or may have; undefined when it is none. */
export function collectorLabels(metric: string): readonly string[] | undefined {
  const labels = LABELS.get(metric.replace(/_total$/, ''));
  return labels === undefined || !metric.includes('_send_failed_') ? labels : [...labels, ...DETAILS];
}

/** The labels that each series of a page must have. */
export function requiredLabels(metric: string): readonly string[] | undefined {
  return LABELS.get(metric.replace(/_total$/, ''));
}

/**
 * The names for which a pattern of `__name__` asks: alternatives in parentheses, and what may be missing. It knows no other regular expressions.
 */
export function namesOf(pattern: string): string[] {
  let at = 0;
  const alternatives = (): string[] => {
    const names = sequence();
    while (pattern[at] === '|') {
      at++;
      names.push(...sequence());
    }
    return names;
  };
  const sequence = (): string[] => {
    let names = [''];
    while (at < pattern.length && pattern[at] !== '|' && pattern[at] !== ')') {
      const [first = ''] = pattern.slice(at++);
      const isGroup = first === '(';
      const ways = isGroup ? alternatives() : [first];
      if (isGroup && pattern[at++] !== ')') throw new Error(`a parenthesis without its other: ${pattern}`);
      if (pattern[at] === '?') {
        at++;
        ways.unshift('');
      }
      names = names.flatMap((name) => ways.map((way) => name + way));
    }
    return names;
  };
  return alternatives();
}
