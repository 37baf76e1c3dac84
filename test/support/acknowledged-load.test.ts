/** The load, against a server of the test's own in the place of a Collector: what was acknowledged is on its list, and nothing else. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { AcknowledgedLoad } from './acknowledged-load.ts';
import { eventually } from './eventually.ts';

interface Request {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

interface Span {
  readonly traceId: string;
  readonly status: { readonly code: number };
}

async function spanOf(request: IncomingMessage): Promise<Span | undefined> {
  const { resourceSpans } = (await json(request)) as Request;
  return resourceSpans[0]?.scopeSpans[0]?.spans[0];
}

it('lists those traces that were acknowledged, and counts those that were not', async () => {
  const taken: Span[] = [];
  let requests = 0;
  const server = createServer((request, response) => {
    void spanOf(request).then((span) => {
      const isTaken = ++requests % 3 !== 0;
      if (isTaken && span !== undefined) taken.push(span);
      response.writeHead(isTaken ? 200 : 503).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const load = new AcknowledgedLoad(url, 'posted');
  await eventually('some of both kinds', () => load.acknowledged.length >= 10 && load.refusals >= 4);
  await load.stop();
  expect(load.acknowledged.toSorted()).toEqual(taken.map(({ traceId }) => traceId).toSorted());
  expect(load.refusals).toBe(requests - taken.length);
  expect(taken.every(({ status }) => status.code === 2)).toBe(true);

  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  const lonely = new AcknowledgedLoad(url, 'posted');
  await eventually('a post that finds nobody', () => lonely.refusals >= 1);
  await lonely.stop();
  expect(lonely.acknowledged).toEqual([]);
});
