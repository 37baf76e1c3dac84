/**
 * What the instrumentations have in common. Packages are patched by the line that the agent's loader puts at the end of their files: what a pool declares it does
 * not export, so nothing that is put in the place of exports would reach it.
 *
 * Runs on application threads that import `gridwatch/instrumentations`.
 */
import type { Meter, MeterProvider, Tracer } from '@opentelemetry/api';
import { InstrumentationBase, type InstrumentationConfig } from '@opentelemetry/instrumentation';
import type { PatchedPackage } from '../app-thread/instrumentation/patched-package.ts';
import { followPackage, packageOf } from './followed-packages.ts';
import { VERSION } from './patch-files.ts';

/** What patches the package, and measures it, has this of the instrumentation; all of it may change at any time. */
export interface Host<Config> {
  readonly tracer: Tracer;
  readonly meter: Meter;
  readonly config: Config;
  readonly isOn: boolean;
}

/** Patches the files of a package, and measures it where the agent does not. */
export interface Patcher {
  /** Gives back what takes it back. May throw where the package is not as expected. */
  patch(module: string, file: string, declared: Record<string, unknown>): (() => void) | undefined;
  /** Something of the package is not over yet, and is to be told to its end. */
  readonly isInUse: boolean;
  /** The host's meter is another one from now on. */
  useMeter(): void;
}

/** A file of the package that was loaded. */
interface LoadedFile {
  readonly file: string;
  readonly declared: Record<string, unknown>;
  undo: (() => void) | undefined;
}

export abstract class PackageInstrumentation<Config extends InstrumentationConfig> extends InstrumentationBase<Config> {
  readonly #package: PatchedPackage;
  readonly #patcher: Patcher;
  readonly #files: LoadedFile[] = [];
  #isFollowing = false;
  #isOn = false;

  constructor(module: string, config: Config, makePatcher: (host: Host<Config>) => Patcher) {
    super(`gridwatch/${module}`, VERSION, config);
    this.#package = packageOf(module);
    this.#patcher = makePatcher(this.#host());
    if (this.getConfig().enabled !== false) this.enable();
  }

  /** Nothing that is put in the place of exports as they are required: that would also keep them from being what they were. */
  protected init(): [] {
    return [];
  }

  override enable(): void {
    super.enable();
    /* The constructor of the base calls this before there are any fields. */
    if (!(#files in this) || this.#isOn) return;
    this.#isOn = true;
    for (const loaded of this.#files) if (loaded.undo === undefined) this.#patch(loaded);
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    try {
      followPackage(this.#package, (file, declared) => {
        const loaded = { file, declared, undo: undefined };
        this.#files.push(loaded);
        if (this.#isOn) this.#patch(loaded);
      });
    } catch (error) {
      /* A Node that is too old for it: the program runs as without. */
      this._diag.warn(`${this.#package.module} is not followed`, error);
    }
  }

  override disable(): void {
    super.disable();
    this.#isOn = false;
    /* The patches tell of nothing new; without them what waits or is held now would do so for ever. */
    if (this.#patcher.isInUse) return;
    for (const loaded of this.#files.toReversed()) {
      loaded.undo?.();
      loaded.undo = undefined;
    }
  }

  override setMeterProvider(provider: MeterProvider): void {
    super.setMeterProvider(provider);
    this.#patcher.useMeter();
  }

  #patch(loaded: LoadedFile): void {
    try {
      loaded.undo = this.#patcher.patch(this.#package.module, loaded.file, loaded.declared);
    } catch (error) {
      /* The package is not as expected, or its exports are nobody's to change. */
      this._diag.warn(`${this.#package.module}/${loaded.file} is left as it is`, error);
    }
  }

  #host(): Host<Config> {
    const own = this;
    return {
      get tracer() {
        return own.tracer;
      },
      get meter() {
        return own.meter;
      },
      get config() {
        return own.getConfig();
      },
      get isOn() {
        return own.#isOn;
      },
    };
  }
}
