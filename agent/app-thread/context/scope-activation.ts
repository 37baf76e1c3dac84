/**
 * The context manager that the application's api finds inside of our scopes, where no SDK has registered one (`removable-context.ts`).
 *
 * Runs on application threads. Its methods are called by the api; `fn` and `target` are the program's.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Context } from '../trace-context.ts';
import { EMPTY_CONTEXT } from './scope-context.ts';

type Callback = (...args: unknown[]) => unknown;

export class ScopeActivation {
  readonly #storage: AsyncLocalStorage<Context | undefined>;

  constructor(storage: AsyncLocalStorage<Context | undefined>) {
    this.#storage = storage;
  }

  active(): Context {
    return this.#storage.getStore() ?? EMPTY_CONTEXT;
  }

  with<T>(context: Context, fn: (...args: unknown[]) => T, thisArg?: unknown, ...args: unknown[]): T {
    return this.#storage.run(context, () => fn.apply(thisArg, args));
  }

  /** Functions only: as without a manager, emitters stay as they are. */
  bind<T>(context: Context, target: T): T {
    if (typeof target !== 'function') return target;
    const storage = this.#storage;
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      return storage.run(context, () => (target as unknown as Callback).apply(this, args));
    };
    Object.defineProperty(bound, 'length', { value: target.length, configurable: true });
    return bound as T;
  }

  attach(context: Context): { dispose(): void } {
    const before = this.#storage.getStore();
    this.#storage.enterWith(context);
    let isDisposed = false;
    return {
      dispose: () => {
        if (!isDisposed) this.#storage.enterWith(before);
        isDisposed = true;
      },
    };
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}
