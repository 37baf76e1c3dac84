/**
 * Metrics of the event loops, one a thread. Plain data, read by the agent thread.
 *
 * Delay is what something that became due at any moment would have waited for the loop to take it up: looked at every 20 ms, so that one long
 * turn counts for as long as it lasted. It is 0 while the loop has nothing to do; `monitorEventLoopDelay` of Node adds its interval to each value.
 */

export const LOOP_METRICS = {
  'nodejs.eventloop.time': {
    instrument: 'counter',
    unit: 's',
    brief:
      "Time of the thread's event loop by state. Time parked in a raw Atomics.wait, as in an idle pool, is idle here; Node counts it as active.",
    attributes: ['thread.name', 'nodejs.eventloop.state'],
    family: 'threads',
    feature: 'eventloop',
    divisor: 1e9,
  },
  'nodejs.eventloop.utilization': {
    instrument: 'gauge',
    unit: '1',
    brief: 'Active share of the last interval; time parked in a raw Atomics.wait is idle here.',
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'eventloop',
  },
  'nodejs.eventloop.delay.min': {
    instrument: 'gauge',
    unit: 's',
    brief: 'Least event loop delay of the last interval.',
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'eventloop',
    divisor: 1e9,
  },
  'nodejs.eventloop.delay.max': {
    instrument: 'gauge',
    unit: 's',
    brief: 'Greatest event loop delay of the last interval, that of a turn still going on included.',
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'eventloop',
    divisor: 1e9,
  },
  'nodejs.eventloop.delay.mean': {
    instrument: 'gauge',
    unit: 's',
    brief: 'Mean event loop delay of the last interval.',
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'eventloop',
    divisor: 1e9,
  },
  'nodejs.eventloop.delay.stddev': {
    instrument: 'gauge',
    unit: 's',
    brief: 'Standard deviation of the event loop delay in the last interval.',
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'eventloop',
    divisor: 1e9,
  },
  'nodejs.eventloop.delay.p50': {
    instrument: 'gauge',
    unit: 's',
    brief: 'Event loop delay of the last interval that 50 % of all did not exceed.',
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'eventloop',
    divisor: 1e9,
  },
  'nodejs.eventloop.delay.p90': {
    instrument: 'gauge',
    unit: 's',
    brief: 'Event loop delay of the last interval that 90 % of all did not exceed.',
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'eventloop',
    divisor: 1e9,
  },
  'nodejs.eventloop.delay.p99': {
    instrument: 'gauge',
    unit: 's',
    brief: 'Event loop delay of the last interval that 99 % of all did not exceed.',
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'eventloop',
    divisor: 1e9,
  },
} as const;
