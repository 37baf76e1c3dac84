/**
 * The shop's own OpenTelemetry SDK with HTTP instrumentation, set up as in any service: where it sends is for the
 * OTEL_* variables to say. Runs on the main thread, once, before the first request. Gridwatch is not mentioned here: it
 * finds this SDK's active spans and puts its own beneath them.
 */
import { createRequire } from 'node:module';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { NodeSDK } from '@opentelemetry/sdk-node';

export const sdk = new NodeSDK({
  serviceName: process.env.OTEL_SERVICE_NAME || 'shop',
  instrumentations: [new HttpInstrumentation()],
});
sdk.start();

// The instrumentation patches `http` when it is required, and an `import` does not pass there. What it patches is
// Server.prototype, which both kinds of module share: requiring the module once is enough for the whole process.
createRequire(import.meta.url)('node:http');
