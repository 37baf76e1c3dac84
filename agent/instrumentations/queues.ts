/**
 * The instrumentations of pools, queues and pools of connections: one class a package of the tables (`app-thread/instrumentation/{pools,queues}/table.ts`).
 *
 * Runs on application threads that import `gridwatch/instrumentations`.
 */
import type { QueueTracker } from '../app-thread/queues/queue-tracker.ts';
import type { QueueInstrumentationConfig } from './options.ts';
import { PackageInstrumentation } from './package-instrumentation.ts';
import { queuePatches } from './patch-files.ts';
import { measureQueues, measureRequests } from './queue-measurement.ts';
import { type PackageKind, TrackedPackage } from './tracked-package.ts';

const QUEUES: PackageKind<QueueInstrumentationConfig, QueueTracker> = {
  agentTracker: () => queuePatches().queueTracker(),
  measure: measureQueues,
  patch: (...args) => queuePatches().patchFile(...args),
};

/** undici tells of its requests itself. */
const REQUESTS: typeof QUEUES = { ...QUEUES, measure: measureRequests };

/** What waits in one package's queues or pools, for how long, and how long it is worked on. */
class QueueInstrumentation extends PackageInstrumentation<QueueInstrumentationConfig> {
  constructor(module: string, config: QueueInstrumentationConfig, kind: typeof QUEUES = QUEUES) {
    super(module, config, (host) => new TrackedPackage(kind, host));
  }
}

/** Tasks and workers of `Piscina`. */
export class PiscinaInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('piscina', config);
  }
}

/** Tasks and workers of `Tinypool`. */
export class TinypoolInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('tinypool', config);
  }
}

/** Tasks and workers of the pools of workerpool. */
export class WorkerpoolInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('workerpool', config);
  }
}

/** Tasks and workers of the pools of poolifier. */
export class PoolifierInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('poolifier', config);
  }
}

/** Tasks of the queues of fastq, with callbacks or promises. */
export class FastqInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('fastq', config);
  }
}

/** Tasks of `PQueue`. */
export class PQueueInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('p-queue', config);
  }
}

/** Tasks of `queue`, `priorityQueue`, `cargo` and `cargoQueue` of async. */
export class AsyncQueueInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('async', config);
  }
}

/** Jobs of `Bottleneck`. */
export class BottleneckInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('bottleneck', config);
  }
}

/** Who waits for a resource of generic-pool, and who has one. */
export class GenericPoolInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('generic-pool', config);
  }
}

/** Who waits for a resource of `Pool` of tarn, which is the pool of knex, and who has one. */
export class TarnInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('tarn', config);
  }
}

/** Who waits for a connection of `Pool` of pg and pg-pool, and who has one. */
export class PgPoolInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('pg-pool', config);
  }
}

/** Who waits for a connection of the pools of mysql2, and who has one. */
export class Mysql2PoolInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('mysql2', config);
  }
}

/** Requests that wait for a connection of the dispatchers of undici, and those that have one. */
export class UndiciPoolInstrumentation extends QueueInstrumentation {
  constructor(config: QueueInstrumentationConfig = {}) {
    super('undici', config, REQUESTS);
  }
}
