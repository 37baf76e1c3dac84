/**
 * Activities: which asynchronous course of the program is running, so that who holds a promise lock can be told from who waits for one. An activity is the
 * callback a lock was taken for, with all that it begins; each is a fresh child of the one that asked for the lock.
 *
 * Runs on application threads, one a thread. Its scopes are an `AsyncLocalStorage` of our own, made at the first one: a program without such locks pays nothing.
 *
 * Where async hooks carry the scopes (Node 22, or `--no-async-context-frame`), one scope makes every later await of the thread slower, 40 to 108 ns. There they
 * are used only where a context manager has them running anyway, or the configuration says so. Without scopes waits are counted, but nobody is sure to hold.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Config } from '../config/options.ts';
import { hasContextFrames } from './context-frames.ts';
import { registeredApi } from './trace-context.ts';

/** What stands in a scope. Who makes many of them may put one object to two uses. */
export interface Activity {
  /** Unique on its thread, > 0. */
  readonly activity: number;
}

const MAX_NUMBER = 0x7fffffff;

export class Activities {
  readonly #config: Config;
  readonly #hasFrames: boolean;
  #storage: AsyncLocalStorage<Activity> | undefined;
  #last = 0;

  constructor(config: Config, hasFrames: boolean = hasContextFrames()) {
    this.#config = config;
    this.#hasFrames = hasFrames;
  }

  /** Whether scopes may be used now; once it is so, it stays so. */
  get isOn(): boolean {
    if (this.#hasFrames || this.#storage !== undefined) return true;
    const { context } = this.#config;
    return context === 'on' || (context === 'auto' && registeredApi()?.context !== undefined);
  }

  /** The activity whose code runs; undefined outside of any, and where there are no scopes. */
  get scope(): Activity | undefined {
    return this.#storage?.getStore();
  }

  /** Its number; 0 for none. */
  get current(): number {
    return this.#storage?.getStore()?.activity ?? 0;
  }

  /** A number that no activity of this thread has had. */
  next(): number {
    this.#last = this.#last >= MAX_NUMBER ? 1 : this.#last + 1;
    return this.#last;
  }

  /** Runs `fn`, and all that it begins, as an activity with such a number, a child of the current one. */
  run<T>(activity: number, fn: () => T): T {
    return this.runAs({ activity }, fn);
  }

  runAs<T>(scope: Activity, fn: () => T): T {
    return this.isOn ? this.#open().run(scope, fn) : fn();
  }

  /**
   * The rest of this microtask, and all that it begins, is that activity. Half the price of `run`, for who was called from a microtask whose remainder is a
   * library's own: the engine takes the scope back at its end.
   */
  enter(scope: Activity): void {
    if (this.isOn) this.#open().enterWith(scope);
  }

  #open(): AsyncLocalStorage<Activity> {
    if (this.#storage === undefined) {
      const { AsyncLocalStorage: Storage } = process.getBuiltinModule('node:async_hooks');
      this.#storage = new Storage();
    }
    return this.#storage;
  }
}
