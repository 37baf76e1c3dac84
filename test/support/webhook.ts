/**
 * Takes what Alertmanager posts to a webhook, and keeps it in the order of arrival. Runs in a test's own process, on a port of the loopback interface. It
 * answers 200 to everything, so that nothing is sent a second time.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Notification {
  /** The path of the webhook's address, which tells Alertmanager's receivers apart. */
  readonly path: string;
  readonly status: 'firing' | 'resolved';
  readonly groupLabels: Readonly<Record<string, string>>;
  readonly alerts: readonly {
    readonly status: 'firing' | 'resolved';
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

export class Webhook implements AsyncDisposable {
  readonly notifications: Notification[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void text(request).then((body) => {
        this.notifications.push({ path: request.url ?? '', ...(JSON.parse(body) as Omit<Notification, 'path'>) });
        response.end();
      });
    });
  }

  static async listen(port: number): Promise<Webhook> {
    const webhook = new Webhook();
    webhook.#server.listen(port, '127.0.0.1');
    await once(webhook.#server, 'listening');
    return webhook;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
