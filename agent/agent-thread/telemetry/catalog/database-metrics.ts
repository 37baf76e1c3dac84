/**
 * Metrics of pools of connections to a database, by OpenTelemetry's conventions. Plain data, read by the agent thread.
 */

export const DATABASE_METRICS = {
  'db.client.connection.wait_time': {
    instrument: 'histogram',
    buckets: 'waits',
    unit: 's',
    brief:
      'From the request for a connection to its being handed out, making it included; not where the application sends it.',
    attributes: ['db.client.connection.pool.name'],
    family: 'queues',
    feature: 'queues',
    divisor: 1e9,
  },
  'db.client.connection.pending_requests': {
    instrument: 'updowncounter',
    unit: '{request}',
    brief: 'Requests for a connection that wait; not where the application sends it.',
    attributes: ['db.client.connection.pool.name'],
    family: 'queues',
    feature: 'queues',
    isInteger: true,
  },
} as const;
