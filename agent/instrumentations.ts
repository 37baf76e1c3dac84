/**
 * `gridwatch/instrumentations`: promise locks, pools, queues and pools of connections for those who compose their own NodeSDK: one class a package that the agent
 * follows, for the same versions. Where the agent runs as well, it is told, and nothing is patched twice. Packages are followed from the construction of
 * the instrumentation on, however they are loaded; those that were `require`d before are patched as far as that can be done.
 *
 * Runs on application threads that import it. With its folder it is all on their side that imports OpenTelemetry: `@opentelemetry/instrumentation` is the user's.
 */
export type { PromiseLockInstrumentationConfig, QueueInstrumentationConfig } from './instrumentations/options.ts';
export {
  AsyncLockInstrumentation,
  AsyncMutexInstrumentation,
  AsyncSemaInstrumentation,
  PLimitInstrumentation,
} from './instrumentations/promise-locks.ts';
export {
  AsyncQueueInstrumentation,
  BottleneckInstrumentation,
  FastqInstrumentation,
  GenericPoolInstrumentation,
  Mysql2PoolInstrumentation,
  PgPoolInstrumentation,
  PiscinaInstrumentation,
  PoolifierInstrumentation,
  PQueueInstrumentation,
  TarnInstrumentation,
  TinypoolInstrumentation,
  UndiciPoolInstrumentation,
  WorkerpoolInstrumentation,
} from './instrumentations/queues.ts';
