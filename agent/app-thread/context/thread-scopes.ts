/**
 * Makes spans of senders active on this thread: through the application's context manager where one is registered, else in scopes of our own, which the
 * application's api finds by a removable manager.
 *
 * Runs on application threads, around each message that is delivered. What it calls of the application's may throw, and nothing of that gets out.
 *
 * Own scopes are used where the engine carries them. Where async hooks do (Node 22), they are used only when the configuration says so; a message is then still known
 * to be served, as long as its handlers have not returned.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Config } from '../../config/options.ts';
import type { ContextLoss, TraceIds } from '../../shared-memory/registry.ts';
import { hasContextFrames } from '../context-frames.ts';
import { type Context, type ContextManager, registeredApi, SPAN_KEY, validIds } from '../trace-context.ts';
import type { ContextScopes, LazyContext } from './context-scope.ts';
import { RemoteSpan } from './remote-span.ts';
import { RemovableContext } from './removable-context.ts';
import { ScopeContext } from './scope-context.ts';

export interface ScopeSettings {
  readonly config: Pick<Config, 'context'>;
  /** Told once of each reason. */
  readonly onLoss: (reason: ContextLoss) => void;
  readonly hasFrames?: boolean;
}

export class ThreadScopes implements ContextScopes {
  readonly #isOff: boolean;
  readonly #mayScope: boolean;
  readonly #onLoss: (reason: ContextLoss) => void;
  readonly #losses = new Set<ContextLoss>();
  readonly #versions = new Set<string>();
  #storage: AsyncLocalStorage<Context | undefined> | undefined;
  #removable: RemovableContext | undefined;
  /** What is served now: all that is known of it where there are no scopes. */
  #served: ScopeContext | undefined;
  /** False as long as there was no context: then there is nothing to be kept from anybody. */
  #isUsed = false;

  constructor({ config, onLoss, hasFrames = hasContextFrames() }: ScopeSettings) {
    this.#isOff = config.context === 'off';
    this.#mayScope = !this.#isOff && (hasFrames || config.context === 'on');
    this.#onLoss = onLoss;
  }

  get canActivate(): boolean {
    return this.#mayScope || (!this.#isOff && this.#applicationManager() !== undefined);
  }

  get isClear(): boolean {
    if (this.#isOff || !this.#isUsed) return true;
    const manager = this.#applicationManager();
    return manager === undefined ? this.context === undefined : contextWith(manager, undefined) === undefined;
  }

  run<T>(context: TraceIds | LazyContext | undefined, fn: () => T): T {
    if (this.#isOff || (context === undefined && !this.#isUsed)) return fn();
    this.#isUsed = true;
    const span = context === undefined ? undefined : new RemoteSpan(context);
    const before = this.#served;
    this.#served = span === undefined ? undefined : new ScopeContext(span);
    try {
      const manager = this.#applicationManager();
      return manager === undefined ? this.#runScoped(this.#served, fn) : runManaged(manager, span, fn);
    } finally {
      this.#served = before;
    }
  }

  active(): TraceIds | undefined {
    try {
      const manager = registeredApi()?.context;
      const context = manager === undefined ? this.context : manager.active?.();
      return validIds(context?.getValue?.(SPAN_KEY)?.spanContext?.());
    } catch {
      return undefined;
    }
  }

  /** The context of what is served now, where no manager of the application's says it. */
  get context(): Context | undefined {
    return this.#mayScope ? this.#storage?.getStore() : this.#served;
  }

  /** The rest of this thread's first turn, and all that it begins, is part of that context: for the preload, before the first line of a worker. */
  enter(context: TraceIds): void {
    if (this.#isOff) return;
    this.#isUsed = true;
    const span = new RemoteSpan(context);
    const manager = this.#applicationManager();
    if (manager !== undefined) enterManaged(manager, span);
    else if (this.#mayScope) {
      this.#open().enterWith(new ScopeContext(span));
      this.#install();
    }
  }

  /** A copy of the api is about to be loaded. */
  sawApi(version: string): void {
    if (this.#isOff || !/^1\.\d/.test(version)) return;
    this.#versions.add(version);
    if (this.#versions.size > 1) {
      this.#removable?.remove();
      if (this.#isUsed) this.#lose('several_api_versions');
    } else if (this.#isUsed && this.#applicationManager() === undefined) this.#install();
  }

  stop(): void {
    this.#removable?.remove();
    this.#storage?.disable();
  }

  #runScoped<T>(context: ScopeContext | undefined, fn: () => T): T {
    if (context !== undefined) this.#install();
    if (!this.#mayScope) return fn();
    const storage = this.#open();
    return context === undefined && storage.getStore() === undefined ? fn() : storage.run(context, fn);
  }

  #applicationManager(): ContextManager | undefined {
    try {
      return this.#removable === undefined ? registeredApi()?.context : this.#removable.look();
    } catch {
      return undefined;
    }
  }

  /** Shows the scopes to the application's api, where there is exactly one. */
  #install(): void {
    const [version] = this.#versions;
    if (version === undefined) return;
    if (!this.#mayScope) this.#lose('node22_als');
    else if (this.#versions.size > 1) this.#lose('several_api_versions');
    else {
      try {
        if (this.#removable === undefined) {
          this.#removable = new RemovableContext(this.#open(), (manager) => this.#carry(manager));
          this.#removable.look();
        }
        this.#removable.install(version);
      } catch {
        /* The global is frozen: the scopes are the agent's alone. */
      }
    }
  }

  /** An SDK was registered in the middle of a scope: what goes on is still part of it. */
  #carry(manager: ContextManager): void {
    const span = this.#storage?.getStore()?.getValue?.(SPAN_KEY);
    if (span instanceof RemoteSpan) enterManaged(manager, span);
  }

  #lose(reason: ContextLoss): void {
    if (this.#losses.has(reason)) return;
    this.#losses.add(reason);
    this.#onLoss(reason);
  }

  #open(): AsyncLocalStorage<Context | undefined> {
    if (this.#storage === undefined) {
      const { AsyncLocalStorage: Storage } = process.getBuiltinModule('node:async_hooks');
      this.#storage = new Storage();
    }
    return this.#storage;
  }
}

function runManaged<T>(manager: ContextManager, span: RemoteSpan | undefined, fn: () => T): T {
  const context = contextWith(manager, span);
  if (context === undefined || manager.with === undefined) return fn();
  let isCalled = false;
  try {
    return manager.with(context, () => {
      isCalled = true;
      return fn();
    });
  } catch (error) {
    if (isCalled) throw error;
    return fn();
  }
}

/** The context in which this span is the active one; undefined where what is active is as it should be. */
function contextWith(manager: ContextManager, span: RemoteSpan | undefined): Context | undefined {
  try {
    const active = manager.active?.();
    if (span !== undefined) return active?.setValue?.(SPAN_KEY, span);
    return active?.getValue?.(SPAN_KEY) instanceof RemoteSpan ? active.deleteValue?.(SPAN_KEY) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * No method of every manager's sets what is active from here on. The one of Node's SDK is an `AsyncLocalStorage`: `attach` says so from the api 1.10 on, before
 * that it is asked itself. Where there is neither, the span ends with the registration.
 */
function enterManaged(manager: ContextManager, span: RemoteSpan): void {
  try {
    const context = contextWith(manager, span);
    if (context === undefined) return;
    if (manager.attach !== undefined) manager.attach(context);
    else manager._asyncLocalStorage?.enterWith?.(context);
  } catch {
    /* It is not as expected. */
  }
}
