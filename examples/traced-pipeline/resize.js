/** A worker of the pool: makes a picture small, and has a worker of its own encode it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { trace } from '@opentelemetry/api';
import { startTelemetry } from './telemetry.js';

const PIXELS = 64 * 64;

const endTelemetry = startTelemetry();
const tracer = trace.getTracer('resize');
const encoder = new Worker(new URL('./encode.js', import.meta.url), { name: 'encoder' });

/** The pool runs one task at a time here, so the next message is the answer. */
export function resize({ id }) {
  return tracer.startActiveSpan('resize', async (span) => {
    const pixels = new Uint8Array(PIXELS).map((_, at) => at * id);
    encoder.postMessage({ pixels });
    const [encoded] = await once(encoder, 'message');
    span.end();
    return { bytes: encoded.byteLength };
  });
}

/** Sends the last spans of both threads. */
export async function end() {
  encoder.postMessage('end');
  await once(encoder, 'exit');
  await endTelemetry();
}
