/**
 * What the incidents have in common whose requests are traced, as those of any real service are: the OpenTelemetry SDK of the thread that imports this, and spans
 * for what it serves. Nothing in here is a mistake. Where the spans go says OTEL_EXPORTER_OTLP_ENDPOINT.
 */
import { trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';

new NodeSDK({ serviceName: process.env.OTEL_SERVICE_NAME || 'incidents' }).start();
const tracer = trace.getTracer('incidents');

/** `serve`, each call of which is a request with a span of that name. */
export function traced(name, serve) {
  return (...request) =>
    tracer.startActiveSpan(name, async (span) => {
      try {
        return await serve(...request);
      } finally {
        span.end();
      }
    });
}
