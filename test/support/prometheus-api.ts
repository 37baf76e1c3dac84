/**
 * Asks a running Prometheus, and reads the text that it would scrape. Runs in a test's own process.
 */

export interface PrometheusSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ScrapeTarget {
  readonly job: string;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
}

export interface AlertingRule {
  readonly name: string;
  readonly state: 'inactive' | 'pending' | 'firing';
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  /** As Prometheus writes it, with a fraction of a second. */
  readonly lastEvaluation: string;
}

const ANSWER_MAX_MS = 30_000;

export class PrometheusApi {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** An instant vector, now. */
  async query(query: string): Promise<PrometheusSeries[]> {
    const { result } = await this.#get<{
      readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
    }>(`/api/v1/query?${new URLSearchParams({ query }).toString()}`);
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** Type and unit of each metric, as the scraped text says. */
  async metadata(): Promise<Readonly<Record<string, readonly { readonly type: string; readonly help: string }[]>>> {
    return this.#get('/api/v1/metadata');
  }

  async targets(): Promise<ScrapeTarget[]> {
    const { activeTargets } = await this.#get<{
      readonly activeTargets: readonly {
        readonly scrapePool: string;
        readonly health: ScrapeTarget['health'];
        readonly lastError: string;
      }[];
    }>('/api/v1/targets?state=active');
    return activeTargets.map(({ scrapePool, health, lastError }) => ({ job: scrapePool, health, lastError }));
  }

  /** The alerts that its rules define, and how each of them stands. */
  async alertingRules(): Promise<AlertingRule[]> {
    const { groups } = await this.#get<{ readonly groups: readonly { readonly rules: readonly AlertingRule[] }[] }>(
      '/api/v1/rules?type=alert',
    );
    return groups.flatMap(({ rules }) => rules);
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(this.#url + path, { signal: AbortSignal.timeout(ANSWER_MAX_MS) });
    const text = await response.text();
    if (!response.ok) throw new Error(`Prometheus answers ${response.status} to ${path}: ${text}`);
    return (JSON.parse(text) as { data: T }).data;
  }
}

/** The series of a page of metrics, in the text format of Prometheus. A label's value keeps its escapes. */
export async function readMetricsPage(url: string): Promise<PrometheusSeries[]> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MAX_MS) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  return parseMetricsPage(await response.text());
}

export function parseMetricsPage(text: string): PrometheusSeries[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name, labels = '', value] = /^([^\s{]+)(?:\{(.*)\})? (\S+)(?: \d+)?$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`not a line of metrics: ${line}`);
    const pairs = Array.from(labels.matchAll(/([^\s,=]+)="((?:[^"\\]|\\.)*)"/g), ([, key = '', held = '']) => [
      key,
      held,
    ]);
    return {
      labels: { __name__: name, ...Object.fromEntries(pairs) },
      value: Number(value?.replace('Inf', 'Infinity')),
    };
  });
}
