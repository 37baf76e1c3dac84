/**
 * What all locks have in common in public: what a program may say of a lock and of a wait for it, and whether it is valid (a wrong option is an error at
 * once: nothing is guessed); what it gets for it.
 *
 * Runs on application threads.
 */
import { GridwatchError } from '../../errors.ts';
import { NAME_CAPACITY } from '../../shared-memory/lock-block.ts';

/**
 * One acquisition of a lock. It ends with `release()`, or at the end of the block that declares it with `using`.
 *
 * @example
 * {
 *   using lease = mutex.acquire();
 *   if (lease.abandoned) repair();
 * } // released here
 */
export interface Lease extends Disposable {
  /**
   * The thread that held the lock before ended without releasing it: what the lock guards may be half changed. The next holder is told, once.
   */
  readonly abandoned: boolean;
  /**
   * Releases the lock.
   *
   * @throws GridwatchError `ERR_GRIDWATCH_LOCK_NOT_HELD` when it was released before.
   */
  release(): void;
}

/** What stands for a lock in a message or in `workerData`: a plain object. What kind of lock it is, its memory says. */
export interface LockHandle {
  readonly gridwatch: 'lock';
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly lockMemory: SharedArrayBuffer;
}

/** What a lock is known by. Without a name and a buffer it is new, and known by its handle only. */
export interface LockOptions {
  /** Its class: the name by which it is shown. Without `buffer` it is also one lock for the whole process. */
  readonly name?: string | undefined;
  /** Shared memory of the program's for the lock: zeroed at first, and used for nothing else. */
  readonly buffer?: SharedArrayBuffer | undefined;
  /** Where in `buffer`, in bytes: a multiple of 64. Default 0. */
  readonly byteOffset?: number | undefined;
}

/** What a blocking wait may be bounded by. */
export interface AcquireOptions {
  /** Longest wait, in ms, from the call on: 0 tries once. Default: for ever. */
  readonly timeoutMs?: number | undefined;
}

/** What an asynchronous wait may be bounded by. */
export interface AcquireAsyncOptions extends AcquireOptions {
  /** Ends the wait when it is aborted, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export function optionError(message: string): GridwatchError {
  return new GridwatchError('ERR_GRIDWATCH_LOCK_OPTION', message);
}

/** The validated time-out; infinite for none. */
export function timeoutOf(options: AcquireOptions | undefined): number {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw optionError(`a wait takes an object of options, such as { timeoutMs: 100 }, not ${shown(options)}`);
  const timeoutMs = options?.timeoutMs;
  if (timeoutMs === undefined) return Number.POSITIVE_INFINITY;
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0))
    throw optionError(`timeoutMs must be a number of at least 0, not ${shown(timeoutMs)}`);
  return timeoutMs;
}

/** The validated signal. */
export function signalOf(options: AcquireAsyncOptions | undefined): AbortSignal | undefined {
  const signal = options?.signal;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw optionError('signal must be an AbortSignal');
  return signal;
}

/** A name, or options with one, as the constructors take them. */
export function lockOptionsOf<T extends LockOptions>(given: string | T | undefined): Partial<T> & LockOptions {
  const options =
    typeof given === 'string' ? ({ name: given } as Partial<T> & LockOptions) : given === undefined ? {} : given;
  if (typeof options !== 'object' || options === null)
    throw optionError(`a lock takes its name, or an object of options, not ${shown(options)}`);
  const { name, buffer, byteOffset } = options as LockOptions;
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw optionError(`the name of a lock must be a text that is not empty, not ${shown(name)}`);
  /* In UTF-8 all halves of a character are one. */
  if (name !== undefined && /\p{Surrogate}/u.test(name))
    throw optionError(`the name of a lock must be of whole characters: ${shown(name)}`);
  /* Two names that are cut alike would be one lock. */
  if (name !== undefined && Buffer.byteLength(name) > NAME_CAPACITY)
    throw optionError(
      `the name of a lock may have ${NAME_CAPACITY} bytes in UTF-8; this one has ${Buffer.byteLength(name)}: ${name.slice(0, 40)}...`,
    );
  if (buffer !== undefined && !(buffer instanceof SharedArrayBuffer))
    throw optionError('buffer must be a SharedArrayBuffer');
  if (buffer === undefined && byteOffset !== undefined) throw optionError('byteOffset needs a buffer');
  if (byteOffset !== undefined && (!Number.isInteger(byteOffset) || byteOffset < 0 || byteOffset % 64 !== 0))
    throw optionError(`byteOffset must be a multiple of 64, not ${shown(byteOffset)}`);
  return options;
}

/** A whole number in a range. */
export function wholeNumber(name: string, value: unknown, min: number, max: number): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
    throw optionError(`${name} must be a whole number from ${min} to ${max}, not ${shown(value)}`);
  return value as number;
}

/** A value as an error names it, on one line. */
export function shown(value: unknown): string {
  return process
    .getBuiltinModule('node:util')
    .inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 40 });
}
