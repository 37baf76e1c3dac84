/**
 * The twin of `broken.js` that delivers at the end of a file what was recorded, and leaves the agent as it is.
 */
import { metrics } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { flush } from 'gridwatch';
import { pause } from '../service.js';

const ROWS = 100;
const ROW_MS = 300;

new NodeSDK({ serviceName: process.env.OTEL_SERVICE_NAME || 'importer' }).start();
const imported = metrics.getMeter('importer').createCounter('importer.rows', { unit: '{row}' });

for (;;) {
  for (let row = 0; row < ROWS; row++) {
    await pause(ROW_MS);
    imported.add(1);
  }
  await flush();
}
