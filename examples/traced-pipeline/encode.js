/** The worker of a pool's worker: encodes what it is sent. */
import { parentPort } from 'node:worker_threads';
import { deflateSync } from 'node:zlib';
import { trace } from '@opentelemetry/api';
import { startTelemetry } from './telemetry.js';

const endTelemetry = startTelemetry();
const tracer = trace.getTracer('encode');

parentPort.on('message', (message) => {
  if (message === 'end') {
    parentPort.close();
    void endTelemetry();
    return;
  }
  const encoded = tracer.startActiveSpan('encode', (span) => {
    const result = deflateSync(message.pixels);
    span.end();
    return result;
  });
  parentPort.postMessage(encoded);
});
