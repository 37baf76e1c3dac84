/**
 * Metrics of the control group of this process: what it uses, what it may use, what it lacks. Plain data, read by the agent thread.
 */

export const CONTAINER_METRICS = {
  'container.cpu.time': {
    instrument: 'counter',
    unit: 's',
    brief: 'CPU time of the control group (cgroup v2) this process is in.',
    attributes: ['cpu.mode'],
    family: 'rest',
    feature: 'cpu',
    divisor: 1e9,
  },
  'container.memory.usage': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: 'Memory of the control group this process is in, caches included.',
    attributes: [],
    family: 'rest',
    feature: 'cpu',
    isInteger: true,
  },
  'container.memory.working_set': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: 'Memory of the control group this process is in, without the file caches the kernel could drop at once.',
    attributes: [],
    family: 'rest',
    feature: 'cpu',
    isInteger: true,
  },
  'gridwatch.container.memory.limit': {
    instrument: 'updowncounter',
    unit: 'By',
    brief: 'Memory the control group may use: the smallest limit on the way to the root; absent without one.',
    attributes: [],
    family: 'rest',
    feature: 'cpu',
    isInteger: true,
  },
  'gridwatch.cpu.quota.limit': {
    instrument: 'updowncounter',
    unit: '{cpu}',
    brief:
      "CPUs' worth of time the control group may use: the smallest quota on the way to the root; absent without one.",
    attributes: [],
    family: 'rest',
    feature: 'cpu',
  },
  'gridwatch.cpu.quota.periods': {
    instrument: 'counter',
    unit: '{period}',
    brief: 'Periods in which the group with the smallest quota had something to run.',
    attributes: [],
    family: 'rest',
    feature: 'cpu',
    isInteger: true,
  },
  'gridwatch.cpu.quota.throttled_periods': {
    instrument: 'counter',
    unit: '{period}',
    brief: 'Periods in which the group used up its quota and had to stop.',
    attributes: [],
    family: 'rest',
    feature: 'cpu',
    isInteger: true,
  },
  'gridwatch.cpu.throttled.time': {
    instrument: 'counter',
    unit: 's',
    brief: 'Time for which the group was stopped, added up over the CPUs it was stopped on.',
    attributes: [],
    family: 'rest',
    feature: 'cpu',
    divisor: 1e9,
  },
  'gridwatch.pressure.time': {
    instrument: 'counter',
    unit: 's',
    brief:
      'Time in which some, or all, tasks of the control group (in the root group: of the machine) stood still for want of the resource.',
    attributes: ['gridwatch.pressure.resource', 'gridwatch.pressure.kind'],
    family: 'rest',
    feature: 'cpu',
    divisor: 1e9,
  },
} as const;
