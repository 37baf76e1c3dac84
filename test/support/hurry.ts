/**
 * Makes the waits of the shipped files of Prometheus, its rules and Alertmanager short enough for a test: for `for` a minute takes a second. Runs in a test's own
 * process. It never changes what an alert asks for, only for how long, and how old something has to be.
 *
 * A window takes longer than a minute's second: with an export and a scrape each second a shorter one would hold two samples, and on a busy machine, where an
 * export comes late, none. Windows of half an hour and more keep what happened once, and stay as they are.
 */

/** A scrape that takes longer has failed, and all that fires ends: on a busy machine a second is not enough. */
const SCRAPES = /^(\s*scrape_(?:interval|timeout): )\d+s$/gm;
const INTERVALS = /^(\s*(?:evaluation_interval|group_wait|group_interval): )(?!0s)\d+[smh]$/gm;
const FOR = /^(\s*for: \d+)m$/gm;
const WINDOWS: Readonly<Record<string, string>> = { '[5m': '[20s', '[10m': '[30s' };

/**
 * Laid over the Collector's file. What is not sent any more is shown for as many exports as otherwise, which is twenty; what was counted of spans, which stays for so long after
 * the process, is counted for a minute's second.
 */
export const HURRIED_COLLECTOR: string = `yaml:{${[
  'exporters: {prometheus: {metric_expiration: 20s}}',
  'connectors: {span_metrics: {metrics_flush_interval: 1s, metrics_expiration: 5s}}',
].join(', ')}}`;

/**
 * How old something has to be, and how much there has to be in a window, by the alert. What is behind on a busy machine waits for some seconds, not for half a
 * minute. The Collector is down when more scrapes on end have failed than a busy machine can explain, and what that keeps back waits as long; it is back when agents
 * have tried again, whose pauses are half a minute and are not shortened. A process has lost its agent when more is left of it than the counts of its spans, to which flushes and scrapes add some seconds. An hour of energy is half a minute, and the day before is
 * what was a minute and a half ago. The window before the last begins where that does. Of a window in which there have to be so many that a quantile means something, there have to be as many in less time.
 */
const THRESHOLDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  GridwatchAgentDropping: { '> 600': '> 30' },
  GridwatchAgentLost: { 'for: 10m': 'for: 15s' },
  GridwatchAgentSilent: { '> 3600': '> 60', 'for: 5m': 'for: 40s' },
  GridwatchCollectorDown: { ' for: 5m': ' for: 40s', 'keep_firing_for: 2m': 'keep_firing_for: 60s' },
  GridwatchCollectorQueueFilling: { 'keep_firing_for: 5m': 'keep_firing_for: 5s' },
  GridwatchCollectorLosing: { 'offset 5m': 'offset 20s' },
  GridwatchCollectorRefusing: { 'offset 5m': 'offset 20s' },
  GridwatchEnergyPerTaskUp: { '[1h]': '[30s]', 'offset 1d': 'offset 90s' },
  GridwatchGcPauseLong: { '> 0.2': '> 1.5' },
  GridwatchLockWaitLong: { '> 0.1': '> 1.5' },
  GridwatchLockStuck: { '> 300': '> 30' },
  GridwatchQueueItemOld: { '> 60': '> 15' },
};

/** The text of a file, with shorter waits. */
export function hurried(text: string): string {
  return text
    .split(/(?=^ {6}- alert: )/m)
    .map(hurriedAlert)
    .join('')
    .replaceAll(SCRAPES, (_, key: string) => `${key}3s`)
    .replaceAll(INTERVALS, (_, key: string) => `${key}1s`)
    .replaceAll(FOR, (_, key: string) => `${key}s`)
    .replaceAll(/\[(?:5|10)m/g, (window) => WINDOWS[window] ?? window);
}

/** What stands from the name of an alert to that of the next. */
function hurriedAlert(text: string): string {
  const [, name = ''] = /^ {6}- alert: (\w+)$/m.exec(text) ?? [];
  let changed = text;
  for (const [from, to] of Object.entries(THRESHOLDS[name] ?? {})) {
    if (!changed.includes(from)) throw new Error(`${name} does not ask for ${from}`);
    changed = changed.replaceAll(from, to);
  }
  return changed;
}
