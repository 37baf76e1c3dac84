/**
 * Whom the patches of a package tell: where the agent runs, it is told, as it is by its own preload; where it does not, the meter and the tracer of the program's
 * SDK are.
 *
 * Runs on application threads that import `gridwatch/instrumentations`.
 */
import type { Meter } from '@opentelemetry/api';
import type { Declared } from '../app-thread/instrumentation/patch.ts';
import type { Host, Patcher } from './package-instrumentation.ts';

/** What measures without the agent. */
export interface Measurement<Tracker> {
  readonly tracker: Tracker;
  /** Whether something that it follows is not over yet. */
  isInUse(): boolean;
  /** Measures with this meter from now on. */
  use(meter: Meter): void;
}

/** A kind of packages. */
export interface PackageKind<Config, Tracker> {
  /** Undefined without the agent. */
  agentTracker(): Tracker | undefined;
  /** Undefined where nothing can be measured. */
  measure(host: Host<Config>): Measurement<Tracker> | undefined;
  patch(module: string, file: string, declared: Declared, tracker: Tracker): (() => void) | undefined;
}

export class TrackedPackage<Config, Tracker> implements Patcher {
  readonly #kind: PackageKind<Config, Tracker>;
  readonly #host: Host<Config>;
  #measurement: Measurement<Tracker> | undefined;

  constructor(kind: PackageKind<Config, Tracker>, host: Host<Config>) {
    this.#kind = kind;
    this.#host = host;
  }

  patch(module: string, file: string, declared: Declared): (() => void) | undefined {
    const agent = this.#kind.agentTracker();
    const tracker = agent ?? this.#ownTracker();
    const undo = tracker === undefined ? undefined : this.#kind.patch(module, file, declared, tracker);
    /* What the agent is told is for its own switches to end: it may have come by first, or have found the package patched. */
    return agent === undefined ? undo : undefined;
  }

  get isInUse(): boolean {
    return this.#measurement?.isInUse() ?? false;
  }

  useMeter(): void {
    this.#measurement?.use(this.#host.meter);
  }

  #ownTracker(): Tracker | undefined {
    if (this.#measurement === undefined) {
      this.#measurement = this.#kind.measure(this.#host);
      this.useMeter();
    }
    return this.#measurement?.tracker;
  }
}
