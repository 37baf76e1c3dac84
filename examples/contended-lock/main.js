/**
 * Demonstrates two requests that contend for one lock, and whose fault the wait is. `GET /order` needs the ledger for a moment; `GET /report` keeps it for
 * 60 ms to add everything up, on another thread. Every order that comes meanwhile waits, and its own trace says nothing of why.
 *
 * What shows it: `gridwatch.lock.wait.duration` and `gridwatch.lock.contentions` of the lock `ledger`; `gridwatch.lock.caused_wait.time` by the holder's thread
 * and place, which names the report; and in the trace of each slow order the span `lock.wait ledger`, with a link to the span of the report that held the
 * lock. The report could add up a copy, made under the lock in a millisecond.
 *
 *     node --require gridwatch/register examples/contended-lock/main.js
 *
 * It lasts as many seconds as CONTENDED_SECONDS says (10), and its spans go where OTEL_EXPORTER_OTLP_ENDPOINT says.
 */
import { once } from 'node:events';
import { isMainThread, threadId, Worker, workerData } from 'node:worker_threads';
import { context, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { Mutex } from 'gridwatch/sync';

const SECONDS = Number(process.env.CONTENDED_SECONDS ?? 10);
const REPORT_MS = 60;
const REPORT_EVERY_MS = 300;
const ORDER_EVERY_MS = 25;

const serviceName = process.env.OTEL_SERVICE_NAME || 'contended-lock';
/* Each thread that has spans has an SDK of its own. */
const sdk = new NodeSDK({ serviceName });
sdk.start();
const tracer = trace.getTracer('ledger');

const entries = new Float64Array(workerData ?? new SharedArrayBuffer(8 * 1000));
const ledger = new Mutex('ledger');

/** Both handlers are served as a request would be: inside a span of its own. */
function serve(name, handle) {
  const span = tracer.startSpan(name, { kind: 1 });
  try {
    return context.with(trace.setSpan(context.active(), span), handle);
  } finally {
    span.end();
  }
}

function order() {
  ledger.withLock(() => {
    entries[Math.floor(Math.random() * entries.length)] += 1;
  });
}

/** A mistake to find: adds up under the lock, and takes its time. */
function report() {
  return ledger.withLock(() => {
    let total = 0;
    for (const end = performance.now() + REPORT_MS; performance.now() < end; ) {
      total = 0;
      for (let times = 0; times < 100; times++) for (let at = 0; at < entries.length; at++) total += entries[at] / 100;
    }
    return total;
  });
}

/** Serves requests of one kind until the time is up; how many. */
async function serveEvery(intervalMs, name, handle) {
  let served = 0;
  for (const end = performance.now() + SECONDS * 1000; performance.now() < end; served++) {
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
    serve(name, handle);
  }
  return served;
}

if (isMainThread) {
  const reporter = new Worker(new URL(import.meta.url), { name: 'reporter', workerData: entries.buffer });
  const ended = once(reporter, 'exit');
  const orders = await serveEvery(ORDER_EVERY_MS, 'GET /order', order);
  await ended;
  console.log(`${orders} orders served on thread ${threadId}`);
} else {
  const reports = await serveEvery(REPORT_EVERY_MS, 'GET /report', report);
  console.log(`${reports} reports served on thread ${threadId}`);
}
try {
  await sdk.shutdown();
} catch (error) {
  console.error(`contended-lock: spans were lost: ${error.message}`);
}
