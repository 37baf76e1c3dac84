/**
 * Asks a running Alertmanager what it has been told of, and what of it it keeps back. Runs in a test's own process.
 */

export interface ReceivedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly isKeptBack: boolean;
}

const ANSWER_MAX_MS = 30_000;

export class AlertmanagerApi {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** What fires now. */
  async alerts(): Promise<ReceivedAlert[]> {
    const response = await fetch(`${this.#url}/api/v2/alerts`, { signal: AbortSignal.timeout(ANSWER_MAX_MS) });
    if (!response.ok) throw new Error(`Alertmanager answers ${response.status}: ${await response.text()}`);
    const alerts = (await response.json()) as (Omit<ReceivedAlert, 'isKeptBack'> & {
      readonly status: { readonly inhibitedBy: readonly string[] };
    })[];
    return alerts.map(({ labels, annotations, status }) => ({
      labels,
      annotations,
      isKeptBack: status.inhibitedBy.length > 0,
    }));
  }
}
