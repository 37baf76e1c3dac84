/**
 * The attributes of metrics of energy. Plain data, read by the agent thread.
 */

export const ENERGY_ATTRIBUTES = {
  'gridwatch.energy.component': {
    type: 'string',
    values: ['active', 'idle'],
    brief: 'What the work of the process took, or its share of what the node draws when nobody uses it.',
  },
  'gridwatch.energy.source': {
    type: 'string',
    values: ['rapl', 'host', 'hwmon', 'model:tdp', 'model:family', 'model:generic'],
    brief: 'Where the figure is from: measured (the first three), or estimated from how busy the CPUs are.',
  },
  'gridwatch.energy.boundary': {
    type: 'string',
    values: ['package', 'package_dram', 'platform', 'wall', 'virtual_machine'],
    brief:
      'Whose energy is divided: the processors, these with their memory, the board, the machine at its plug, or this virtual machine.',
  },
} as const;
