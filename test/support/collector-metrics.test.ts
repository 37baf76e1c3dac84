/** What is read from a Collector's page, against pages written here. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { collectorLosses, collectorTotal } from './collector-metrics.ts';

const PAGE = `# TYPE otelcol_receiver_accepted_spans counter
otelcol_receiver_accepted_spans{receiver="otlp",transport="grpc"} 3
otelcol_receiver_accepted_spans{receiver="otlp",transport="http"} 4
otelcol_exporter_sent_spans_total{exporter="a"} 5
otelcol_receiver_refused_spans{receiver="otlp"} 0
otelcol_exporter_enqueue_failed_log_records{exporter="a"} 2
`;

it('adds up series, with the suffix or without it, and finds what was lost', async () => {
  const server = createServer((request, response) => response.end(request.url === '/metrics' ? PAGE : ''));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await collectorTotal(url, 'receiver_accepted_spans')).toBe(7);
  expect(await collectorTotal(url, 'receiver_accepted_spans', { transport: 'http' })).toBe(4);
  expect(await collectorTotal(url, 'exporter_sent_spans')).toBe(5);
  expect(await collectorTotal(url, 'exporter_queue_size')).toBe(0);
  expect(await collectorLosses(url)).toEqual({ exporter_enqueue_failed_log_records: 2 });
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});
