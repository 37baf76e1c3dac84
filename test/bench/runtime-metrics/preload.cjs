/*
 * What a service does today for a part of what Gridwatch measures: the SDK with the instrumentation of the runtime and the host's metrics. The program's
 * own SDK, if it has one, goes on to record its spans. Loaded by --require into a benchmark's subject.
 */
process.env.OTEL_TRACES_EXPORTER = 'none';
const { HostMetrics } = require('@opentelemetry/host-metrics');
const { RuntimeNodeInstrumentation } = require('@opentelemetry/instrumentation-runtime-node');
const { NodeSDK } = require('@opentelemetry/sdk-node');

new NodeSDK({ instrumentations: [new RuntimeNodeInstrumentation()] }).start();
new HostMetrics().start();
delete process.env.OTEL_TRACES_EXPORTER;
