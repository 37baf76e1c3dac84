/**
 * The attributes of the one resource. Plain data, read by the agent thread.
 *
 * With an SDK of the application's its resource stands above these, whatever it holds, but for `process.*`, `telemetry.*`, `host.id`, `host.ip` and
 * `host.mac`; those of OTEL_RESOURCE_ATTRIBUTES come next.
 */

export const RESOURCE = {
  'service.name': {
    type: 'string',
    brief: 'What the program is called.',
    from: "the application's SDK, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, the nearest package.json; the command of a program observed from outside",
  },
  'service.instance.id': {
    type: 'string',
    brief: 'This process.',
    from: "the application's SDK, OTEL_RESOURCE_ATTRIBUTES, a random UUID",
  },
  'host.name': {
    type: 'string',
    brief: 'The machine.',
    from: "the application's SDK, OTEL_RESOURCE_ATTRIBUTES, the system",
  },
  'host.arch': {
    type: 'string',
    brief: 'Its processor.',
    from: "the application's SDK, OTEL_RESOURCE_ATTRIBUTES, the system",
  },
  'host.id': {
    type: 'string',
    brief: 'The machine: not sent unless asked for.',
    from: 'the system, when OTEL_NODE_RESOURCE_DETECTORS names `host`',
  },
  'host.cpu.vendor.id': { type: 'string', brief: 'The vendor of its processor.', from: 'the system' },
  'host.cpu.family': { type: 'string', brief: 'The family of the processor.', from: 'the system' },
  'host.cpu.model.id': { type: 'string', brief: 'The number of the model.', from: 'the system' },
  'host.cpu.model.name': { type: 'string', brief: 'The name of the model.', from: 'the system' },
  'host.cpu.stepping': { type: 'string', brief: 'Its stepping.', from: 'the system' },
  'host.cpu.cache.l2.size': { type: 'int', brief: 'The cache of a core, in bytes.', from: 'the system' },
  'gridwatch.host.cpu.frequency': { type: 'double', brief: 'The greatest frequency, in hertz.', from: 'the system' },
  'gridwatch.host.cpu.socket.count': { type: 'int', brief: 'Processors of the machine.', from: 'the system' },
  'gridwatch.host.cpu.physical.count': { type: 'int', brief: 'Cores of the machine.', from: 'the system' },
  'gridwatch.host.cpu.logical.count': {
    type: 'int',
    brief: 'Logical CPUs of the machine, whether or not the process may use them.',
    from: 'the system',
  },
  'gridwatch.host.numa_node.count': { type: 'int', brief: 'NUMA nodes.', from: 'the system' },
  'gridwatch.host.memory.size': { type: 'int', brief: 'Memory, in bytes.', from: 'the system' },
  'os.type': {
    type: 'string',
    brief: 'The operating system.',
    from: "the application's SDK, OTEL_RESOURCE_ATTRIBUTES, the system",
  },
  'os.version': {
    type: 'string',
    brief: 'Its version.',
    from: "the application's SDK, OTEL_RESOURCE_ATTRIBUTES, the system",
  },
  'process.pid': { type: 'int', brief: 'The process.', from: 'the process' },
  'process.executable.name': {
    type: 'string',
    brief: '`node`, or the program observed from outside, without its path.',
    from: 'the process',
  },
  'process.runtime.name': { type: 'string', brief: '`nodejs`.', from: 'the process' },
  'process.runtime.version': { type: 'string', brief: 'The version of Node.', from: 'the process' },
  'process.runtime.description': { type: 'string', brief: '`Node.js`.', from: 'the process' },
  'telemetry.sdk.language': { type: 'string', brief: '`nodejs`.', from: "the agent's SDK" },
  'telemetry.sdk.name': { type: 'string', brief: '`opentelemetry`.', from: "the agent's SDK" },
  'telemetry.sdk.version': { type: 'string', brief: 'Its version.', from: "the agent's SDK" },
  'telemetry.distro.name': { type: 'string', brief: '`gridwatch`.', from: 'the agent' },
  'telemetry.distro.version': { type: 'string', brief: 'The version of this package.', from: 'the agent' },
} as const;
