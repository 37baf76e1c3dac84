/**
 * What a webhook and Alertmanager have told of services. Runs in a test's own process. It never forgets: what an alert was once kept back for, it was a consequence of.
 */
import type { Stack } from '../support/stack.ts';
import type { Notification, Webhook } from '../support/webhook.ts';

/** What was told of, and what was kept back, by service; from the start on. */
export class Heard {
  readonly #stack: Stack;
  readonly #notifications: readonly Notification[];
  readonly #keptBack = new Map<string, Set<string>>();

  constructor(stack: Stack, { notifications }: Webhook) {
    this.#stack = stack;
    this.#notifications = notifications;
  }

  /** Asks Alertmanager what it keeps back now. */
  async listen(): Promise<void> {
    for (const { labels, isKeptBack } of await this.#stack.alertmanager.alerts()) {
      const { job = '', alertname = '' } = labels;
      if (isKeptBack) this.#keptBack.set(job, new Set([...this.keptBack(job), alertname]));
    }
  }

  get services(): string[] {
    return [...new Set(this.#notifications.map(({ groupLabels }) => groupLabels['job'] ?? ''))];
  }

  keptBack(service: string): ReadonlySet<string> {
    return this.#keptBack.get(service) ?? new Set();
  }

  notifications(service: string, alert?: string): Notification[] {
    const ofService = this.#notifications.filter(({ groupLabels }) => groupLabels['job'] === service);
    return ofService.filter(({ groupLabels }) => alert === undefined || groupLabels['alertname'] === alert);
  }

  /** Whether it was told of, or kept back. */
  isTold(service: string, alert: string): boolean {
    return this.notifications(service, alert).length > 0 || this.keptBack(service).has(alert);
  }

  /** Without what turned out to be a consequence of another. */
  told(service: string): Set<string> {
    const names = new Set(this.notifications(service).map(({ groupLabels }) => groupLabels['alertname'] ?? ''));
    for (const name of this.keptBack(service)) names.delete(name);
    return names;
  }
}
