/**
 * A context manager that is there for the application's copy of `@opentelemetry/api`, and is not there for an SDK that comes to register its own: accessors on the
 * global of the api, and on what stands there, that show the manager inside of our scopes and nothing outside of them.
 *
 * Runs on application threads. Whatever is registered must be registered as it would have been; with a context manager of the application's all is plain again.
 *
 * How the api (1.0 to 1.10) registers: `api = global[KEY] = global[KEY] ?? {version}`, refused when `api[type]` is there already or `api.version` is not its own,
 * else `api[type] = instance`. How it reads: `global[KEY]`, then its `version` and `[type]`.
 *
 * Invariants
 * R1  Outside of our scopes `global[KEY]` and its `context` are what the application has put there: nothing, or its own.
 * R2  Between a write of `global[KEY]` and the next read of it somebody registers: `context` is not there, so that nothing is refused as a duplicate.
 * R3  A write of `context` takes all accessors away, and leaves plain properties.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import { API, type ApiGlobal, type Context, type ContextManager, registeredApi } from '../trace-context.ts';
import { ScopeActivation } from './scope-activation.ts';

type Api = { -readonly [name in keyof ApiGlobal]: ApiGlobal[name] };

const PLAIN = { writable: true, enumerable: true, configurable: true } as const;

export class RemovableContext {
  readonly #storage: AsyncLocalStorage<Context | undefined>;
  readonly #manager: ContextManager;
  readonly #onRegistered: (manager: ContextManager) => void;
  /** What the application has registered. */
  #api: Api | undefined;
  /** What is shown inside of scopes as long as it has registered nothing; it becomes the application's when it registers there. */
  #own: Api | undefined;
  #version = '';
  #isRegistering = false;
  #isRead = false;

  /** `onRegistered` is told of a context manager of the application's, when it has been registered. */
  constructor(storage: AsyncLocalStorage<Context | undefined>, onRegistered: (manager: ContextManager) => void) {
    this.#storage = storage;
    this.#manager = new ScopeActivation(storage);
    this.#onRegistered = onRegistered;
  }

  /** The application's manager, if there is one. The read also shows whether our accessor is in place, for a tenth of what its descriptor costs. */
  look(): ContextManager | undefined {
    this.#isRead = false;
    const manager = registeredApi()?.context;
    return manager === this.#manager ? undefined : manager;
  }

  /** To be called before each scope, after a look that showed no manager. `version` is that of the application's api. */
  install(version: string): void {
    if (this.#isRead) {
      const shown = this.#api ?? this.#own;
      if (shown !== undefined && !Object.hasOwn(shown, 'context')) this.#addTo(shown);
      return;
    }
    const found = Object.getOwnPropertyDescriptor(globalThis, API);
    if (found?.configurable === false || found?.get !== undefined) return;
    const api = found?.value as Api | undefined;
    /* Registered by a copy that was not seen loading: several versions. */
    if (api !== undefined && api.version !== version) return;
    this.#version = version;
    this.#own = undefined;
    this.#api = api;
    if (api !== undefined && !this.#addTo(api)) return;
    Object.defineProperty(globalThis, API, {
      get: this.#getApi,
      set: this.#setApi,
      enumerable: found?.enumerable ?? false,
      configurable: true,
    });
  }

  /** Takes everything back. */
  remove(): void {
    this.look();
    if (!this.#isRead) return;
    if (this.#api === undefined) Reflect.deleteProperty(globalThis, API);
    else {
      if (this.#hasManager(this.#api)) Reflect.deleteProperty(this.#api, 'context');
      Object.defineProperty(globalThis, API, { ...PLAIN, value: this.#api });
    }
  }

  readonly #getApi = (): Api | undefined => {
    this.#isRead = true;
    this.#isRegistering = false;
    if (this.#api !== undefined || this.#storage.getStore() === undefined) return this.#api;
    if (this.#own === undefined) {
      this.#own = { version: this.#version };
      this.#addTo(this.#own);
    }
    return this.#own;
  };

  readonly #setApi = (given: Api | undefined): void => {
    if (typeof given !== 'object' || given === null || !this.#addTo(given)) {
      Object.defineProperty(globalThis, API, { ...PLAIN, value: given });
      return;
    }
    this.#api = given;
    this.#isRegistering = true;
  };

  readonly #getManager = (): ContextManager | undefined =>
    this.#isRegistering || this.#storage.getStore() === undefined ? undefined : this.#manager;

  /** False where the application has a manager, or does not let itself be extended. */
  #addTo(api: Api): boolean {
    if (this.#hasManager(api)) return true;
    if (api.context !== undefined || !Object.isExtensible(api)) return false;
    const set = (manager: ContextManager): void => this.#registered(api, manager);
    Object.defineProperty(api, 'context', { get: this.#getManager, set, enumerable: false, configurable: true });
    return true;
  }

  #hasManager(api: Api): boolean {
    return Object.getOwnPropertyDescriptor(api, 'context')?.get === this.#getManager;
  }

  #registered(api: Api, manager: ContextManager): void {
    Object.defineProperty(api, 'context', { ...PLAIN, value: manager });
    Object.defineProperty(globalThis, API, { ...PLAIN, value: api });
    /* Somebody of the agent's may still hold the other one. */
    const { context } = api;
    if (this.#own !== undefined && this.#own !== api)
      Object.defineProperty(this.#own, 'context', { ...PLAIN, value: context });
    this.#onRegistered(manager);
  }
}
