/** Pools of connections to a database, by the conventions' names; other pools and queues are none. */
import { expect, it } from 'vitest';
import { DatabasePools } from '../../../../agent/agent-thread/model/database-pools.ts';
import { QueueTotals } from '../../../../agent/agent-thread/model/queue-totals.ts';
import type { HistogramSnapshot } from '../../../../agent/shared-memory/histogram.ts';

it('tells of pools of databases who waits and for how long, and of nothing else', () => {
  const totals = new QueueTotals();
  for (const [name, kind] of [
    ['pg-pool@app.js:3', 'connection_pool'],
    ['mysql2', 'connection_pool'],
    ['tarn@db.js:1', 'connection_pool'],
    ['undici@app.js:4', 'connection_pool'],
    ['mysql2like@app.js:5', 'connection_pool'],
    ['pg-pool@app.js:6', 'task_queue'],
  ] as const) {
    const total = totals.of(name, kind);
    total.holds(2, 5);
    total.waits.record(4e6);
  }
  const told: unknown[] = [];
  const tell = (name: string, attributes: object, value: number | HistogramSnapshot): void => {
    const pool: unknown = Reflect.get(attributes, 'db.client.connection.pool.name');
    told.push([name, pool, typeof value === 'number' ? value : value.sumNs]);
  };
  new DatabasePools(totals).collect({ sum: tell, gauge: tell, histogram: tell });
  expect(told).toEqual(
    ['pg-pool@app.js:3', 'mysql2', 'tarn@db.js:1'].flatMap((pool) => [
      ['db.client.connection.pending_requests', pool, 2],
      ['db.client.connection.wait_time', pool, 4e6],
    ]),
  );
});
