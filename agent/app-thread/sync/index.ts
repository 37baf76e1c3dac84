/**
 * `gridwatch/sync`: locks between the threads of a process, which the agent understands.
 *
 * Runs on application threads, with the agent or without. On the main thread loading it makes lock memory, so that workers that are started later find it.
 */
import { offerLockMemory } from './lock-thread.ts';

export { GridwatchError, type GridwatchErrorCode } from '../../errors.ts';
export { Barrier, type BarrierOptions } from './barrier.ts';
export { Channel, type ChannelOptions, type ChannelSize } from './channel.ts';
export { type Awakening, Condition, type ConditionOptions } from './condition.ts';
export { type GuardedOptions, type GuardingLock, guarded } from './guarded.ts';
export type { TypedArray } from './guarded-behind.ts';
export type { AcquireAsyncOptions, AcquireOptions, Lease, LockHandle, LockOptions } from './lock-options.ts';
export { Mutex, type MutexOptions } from './mutex.ts';
export { RwLock, type RwLockOptions } from './rw-lock.ts';
export { Semaphore, type SemaphoreOptions } from './semaphore.ts';

offerLockMemory();
