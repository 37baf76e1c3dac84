/**
 * Demonstrates one trace across threads: a request goes from the HTTP server to a pool's worker, from there to a worker of that worker, and back. Nobody passes
 * a trace context along, and no message has a field for it; without the agent each thread's spans are traces of their own.
 *
 *     main            GET (client) > GET /thumbnail > task piscina@resize.js
 *     pool's worker                                     resize > send encoder > process encoder
 *     its worker                                                                  encode
 *
 * What shows it: the trace of any request in Jaeger, with one root; `gridwatch.queue.wait.duration` of the pool and of the port of `encoder`, and
 * `gridwatch.pool.utilization`.
 *
 *     node --require gridwatch/register examples/traced-pipeline/main.js
 *
 * It serves as many requests as PIPELINE_REQUESTS says (5), one after the other, and its spans go where OTEL_EXPORTER_OTLP_ENDPOINT says.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { trace } from '@opentelemetry/api';
import { Piscina } from 'piscina';
import { startTelemetry } from './telemetry.js';

const endTelemetry = startTelemetry();
/* The instrumentation patches `http` when it is required, and an `import` does not pass there. */
const { createServer, get } = createRequire(import.meta.url)('node:http');

const REQUESTS = Number(process.env.PIPELINE_REQUESTS ?? 5);

/* One worker is enough to see it, and the same one can be asked to send its last spans. */
const pool = new Piscina({ filename: new URL('./resize.js', import.meta.url).href, maxThreads: 1 });

const server = createServer((request, response) => {
  const id = Number(new URL(request.url, 'http://localhost').searchParams.get('id'));
  pool.run({ id }, { name: 'resize' }).then(
    ({ bytes }) =>
      response.end(`picture ${id}: ${bytes} bytes, trace ${trace.getActiveSpan()?.spanContext().traceId}\n`),
    () => response.destroy(),
  );
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

for (let id = 1; id <= REQUESTS; id++) {
  const [response] = await once(
    get({ port: server.address().port, path: `/thumbnail?id=${id}`, agent: false }),
    'response',
  );
  for await (const chunk of response.setEncoding('utf8')) process.stdout.write(chunk);
}

server.close();
await pool.run(undefined, { name: 'end' });
await pool.destroy();
await endTelemetry();
