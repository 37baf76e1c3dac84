/**
 * Pools of connections to a database, told once more by the names that OpenTelemetry's conventions have for them: what a backend's own view of such pools reads.
 *
 * Runs on the agent thread, after the queues were read. Where the application sends one of these itself, it is left to it (`application-metrics.ts`).
 */
import type { MetricSink, MetricSource } from '../telemetry/metrics.ts';
import type { QueueTotals } from './queue-totals.ts';

/** What the names of pools begin with whose connections lead to a database. */
const DATABASE = /^(?:pg-pool|mysql2|tarn)(?:@|$)/;

export class DatabasePools implements MetricSource {
  readonly #totals: QueueTotals;

  constructor(totals: QueueTotals) {
    this.#totals = totals;
  }

  collect(sink: MetricSink): void {
    for (const { kind, name, size, waits } of this.#totals) {
      if (kind !== 'connection_pool' || !DATABASE.test(name)) continue;
      const pool = { 'db.client.connection.pool.name': name };
      sink.sum('db.client.connection.pending_requests', pool, size);
      sink.histogram('db.client.connection.wait_time', pool, waits);
    }
  }
}
