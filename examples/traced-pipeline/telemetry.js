/**
 * The OpenTelemetry SDK of one thread of the pipeline: each thread that has spans has one of its own, as it would without Gridwatch. What it lacks by itself is any
 * connection between them: a worker's spans would be traces of their own.
 */
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { NodeSDK } from '@opentelemetry/sdk-node';

/** Starts it, before anything is loaded that it instruments; what ends it sends the last spans. */
export function startTelemetry() {
  const serviceName = process.env.OTEL_SERVICE_NAME || 'traced-pipeline';
  const sdk = new NodeSDK({ serviceName, instrumentations: [new HttpInstrumentation()] });
  sdk.start();
  return async () => {
    try {
      await sdk.shutdown();
    } catch (error) {
      console.error(`traced-pipeline: spans were lost: ${error.message}`);
    }
  };
}
