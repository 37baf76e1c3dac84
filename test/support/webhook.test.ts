/** The test receiver of notifications, with a notification as Alertmanager sends it. */
import { expect, it } from 'vitest';
import { freePorts } from './free-ports.ts';
import { Webhook } from './webhook.ts';

it('keeps what is posted, in order, with the path, and closes with a connection still open', async () => {
  const { webhook: port } = await freePorts('webhook');
  const closed = await (async (): Promise<Webhook> => {
    await using webhook = await Webhook.listen(port);
    for (const [path, status] of [
      ['/pages', 'firing'],
      ['/tickets', 'resolved'],
    ] as const) {
      const body = JSON.stringify({ status, groupLabels: { job: 'shop' }, alerts: [] });
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body });
      expect(response.status).toBe(200);
    }
    return webhook;
  })();
  expect(closed.notifications).toEqual([
    { path: '/pages', status: 'firing', groupLabels: { job: 'shop' }, alerts: [] },
    { path: '/tickets', status: 'resolved', groupLabels: { job: 'shop' }, alerts: [] },
  ]);
  await expect(fetch(`http://127.0.0.1:${port}/pages`, { method: 'POST', body: '{}' })).rejects.toThrow('fetch failed');
});
