/**
 * The PromQL that the dashboards are made of, with the metrics as Prometheus names them. Runs in the process of `npm run dashboards`; pure, text only.
 *
 * Q1. What a process tells of itself is asked of the chosen processes of the chosen service, and may be added up over them.
 * Q2. What it tells of its machine is averaged by machine, never added up: several processes may tell of the same one, and which of them do is theirs to
 *     settle. It is asked of every process on the machines of the chosen service, because another service's may be the one that tells.
 * Q3. What a Collector counts of itself is asked of all of them: which of them a service's telemetry takes is nobody's to say.
 */

const CHOSEN = 'job="$job", instance=~"$instance"';

/** A metric as it is, of the chosen processes. */
export function series(metric: string, matchers = ''): string {
  return `${metric}{${CHOSEN}${matchers === '' ? '' : `, ${matchers}`}}`;
}

/** A counter, per second. */
export function rate(metric: string, matchers = ''): string {
  return `rate(${series(metric, matchers)}[$__rate_interval])`;
}

/** A counter, since the point before: how often something rare happened. */
export function increase(metric: string, matchers = ''): string {
  return `increase(${series(metric, matchers)}[$__rate_interval])`;
}

export function sum(expression: string, ...labels: readonly string[]): string {
  return `sum ${by(labels)}(${expression})`;
}

/** Of the process, or whatever else is not told apart, in which it is greatest. */
export function max(expression: string, ...labels: readonly string[]): string {
  return `max ${by(labels)}(${expression})`;
}

export function avg(expression: string, ...labels: readonly string[]): string {
  return `avg ${by(labels)}(${expression})`;
}

/** The greatest ten at each point. */
export function top(expression: string): string {
  return `topk(10, ${expression})`;
}

/** What that part of a histogram does not exceed, in the worst of the chosen processes: all together would hide one among many that are well. */
export function quantile(part: number, histogram: string, matchers = '', ...labels: readonly string[]): string {
  return max(`histogram_quantile(${part}, ${buckets(histogram, matchers, 'instance', ...labels)})`, ...labels);
}

/** A histogram's own buckets, per second: a heat map. */
export function buckets(histogram: string, matchers = '', ...labels: readonly string[]): string {
  return sum(rate(`${histogram}_bucket`, matchers), ...labels, 'le');
}

/** By machine, see Q2: what a process tells of it, a metric or the rate of one, without any choice of processes. */
export function ofHost(expression: string, ...labels: readonly string[]): string {
  const hosts = 'group by (job, instance, host_name) (target_info{host_name=~"$host"})';
  return avg(`${expression} * on (job, instance) group_left (host_name) ${hosts}`, 'host_name', ...labels);
}

/** What the Collectors count of themselves, see Q3: a pattern of names, of which those of counters end in `_total` in some builds and not in others. */
export function ofCollectors(names: string): string {
  return `{__name__=~"${names}(_total)?"}`;
}

/** The alerts of the chosen service, of which Prometheus itself keeps a series while they fire. They are about no single process. */
export function firing(...labels: readonly string[]): string {
  return `group ${by(labels)}(ALERTS{job="$job", alertstate="firing"})`;
}

function by(labels: readonly string[]): string {
  return labels.length === 0 ? '' : `by (${labels.join(', ')}) `;
}
