/**
 * Metrics of energy. Parts of one another never share a metric. Plain data, read by the agent thread.
 */

export const ENERGY_METRICS = {
  'gridwatch.process.energy': {
    instrument: 'counter',
    unit: 'J',
    brief:
      'Energy of this process: what its work took, and its share of what the idle node draws. Together they are the process.',
    attributes: ['gridwatch.energy.component', 'gridwatch.energy.source', 'gridwatch.energy.boundary'],
    family: 'rest',
    feature: 'energy',
    divisor: 1e6,
  },
  'gridwatch.thread.energy': {
    instrument: 'counter',
    unit: 'J',
    brief: "Active energy of the thread; of all threads together, helper classes included, it is the process's.",
    attributes: ['thread.name'],
    family: 'threads',
    feature: 'energy',
    divisor: 1e6,
  },
  'gridwatch.lock.energy': {
    instrument: 'counter',
    unit: 'J',
    brief:
      'Active energy of waiting for the lock: spinning and switching. It is part of that of the threads; never add it to them.',
    attributes: ['gridwatch.lock.name', 'gridwatch.lock.kind'],
    family: 'locks',
    feature: 'energy',
    divisor: 1e6,
  },
  'gridwatch.lock.idle_energy': {
    instrument: 'counter',
    unit: 'J',
    brief:
      'Idle energy of one CPU while somebody waited for the lock: what keeping it for the waiter cost. It is part of nothing; never add it.',
    attributes: ['gridwatch.lock.name', 'gridwatch.lock.kind'],
    family: 'locks',
    feature: 'energy',
    divisor: 1e6,
  },
  'gridwatch.queue.energy': {
    instrument: 'counter',
    unit: 'J',
    brief:
      'Active energy of posting to the port, serialisation mostly. It is part of that of the threads; never add it to them.',
    attributes: ['gridwatch.queue.name', 'gridwatch.queue.kind', 'gridwatch.queue.direction'],
    optional: ['gridwatch.queue.direction'],
    family: 'queues',
    feature: 'energy',
    divisor: 1e6,
  },
  'gridwatch.cpu.power': {
    instrument: 'gauge',
    unit: 'W',
    brief: 'Active power of each CPU that this process keeps busy: the rate at which its CPU time is priced.',
    attributes: [],
    family: 'rest',
    feature: 'energy',
  },
  'gridwatch.energy.uncertainty': {
    instrument: 'gauge',
    unit: '1',
    brief:
      'A factor f: the true energy lies between the value divided by f and the value times f with 90 %; that of the source which is read now.',
    attributes: [],
    family: 'rest',
    feature: 'energy',
  },
  'gridwatch.process.carbon': {
    instrument: 'counter',
    unit: 'g',
    brief:
      'CO2-equivalent of the energy of this process and of its share of the hardware; absent unless an intensity was configured.',
    attributes: [],
    family: 'rest',
    feature: 'energy',
  },
} as const;
