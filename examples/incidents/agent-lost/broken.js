/**
 * GridwatchAgentLost: a service imports one file of prices after the other, and counts the rows with an OpenTelemetry SDK of its own. So that nothing of a file is lost, what the
 * agent has recorded is to be delivered at its end: by `shutdown`, which does so, and ends the agent. The rows of all other files are counted on, unseen.
 *
 * The way out is `fixed.js`: `flush` delivers, and ends nothing.
 */
import { metrics } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { shutdown } from 'gridwatch';
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
  // A mistake to find: the file has ended, and not the program.
  await shutdown();
}
