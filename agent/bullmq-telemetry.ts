/**
 * `bullmqTelemetry()`: lets the agent follow BullMQ by BullMQ's own interface. Runs on application threads, any of them.
 */
import { loadQueuePatches } from './app-thread/load-patches.ts';
import { findLockLink } from './app-thread/lock-link.ts';
import type { BullmqTelemetry } from './config/bullmq-telemetry.ts';
import { fileUrl } from './package-root.ts';

/**
 * What a `Queue`, `Worker` or `FlowProducer` of BullMQ (5.25 and later) is given as `telemetry`. Jobs are counted as items of the queue `bullmq:<name>`, its numbers and
 * ids replaced by `*`: `arrivals` where they are added, wait and service where they are processed. The clock of a wait runs from `add` to the begin of the processor, a
 * delay that was asked for included, by the wall clocks of both processes. How many wait is known to Redis alone, so no size is told. What goes with the job in its
 * `opts.telemetry.metadata` is the W3C `traceparent` of the span that was active at `add` and the time.
 *
 * `own` is the telemetry that the program has already, such as `new BullMQOtel('shop')`: it is asked for everything as before. Without an agent on this thread, and
 * where `queues` is off, it is what is given back. It never throws.
 *
 * @example
 * const queue = new Queue('mail', { connection, telemetry: bullmqTelemetry() });
 */
export function bullmqTelemetry<T extends object>(own?: T): BullmqTelemetry | T | undefined {
  try {
    if (findLockLink()?.recording?.config.features.queues !== true) return own;
    const registerFile = process.getBuiltinModule('node:url').fileURLToPath(fileUrl('register.cjs'));
    return loadQueuePatches(registerFile).followBullmq(own as BullmqTelemetry | undefined) ?? own;
  } catch {
    return own;
  }
}
