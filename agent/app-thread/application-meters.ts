/**
 * Which of the metrics that OpenTelemetry has names for the application measures itself, by instrumentation-runtime-node, host-metrics or otherwise. The
 * agent thread is told, and leaves them to it: backends would add up the two.
 *
 * Runs on the main thread. It is looked for at a few moments, none of which keeps the process alive: after the program has begun, at a flush
 * and at the exit. What it reads are fields that the SDKs (1.x, 2.x, 3.x) do not document; without them there is nothing to find.
 */
import { registeredApi } from './trace-context.ts';

/* The originals: a program's tests may replace the globals by clocks of their own. */
const { setTimeout, clearTimeout } = globalThis;

/** What the agent thread is told. */
export interface MetersNotice {
  readonly instruments: readonly string[];
}

/** The first export is 15 s after the start, or at a flush. */
const LOOKS_MS = [1000, 5000];
const CONVENTION = /^(?:v8js|nodejs|system|process|container|db)\.[a-z0-9_.]+$/;
const MAX_INSTRUMENTS = 64;

type Storages = ReadonlyMap<string, unknown>;

/** A meter provider of any of the SDKs. */
interface Provider {
  readonly _sharedState?: {
    readonly metricCollectors?: readonly unknown[];
    readonly meterSharedStates?: ReadonlyMap<string, Meter>;
  };
}

interface Meter {
  readonly metricStorageRegistry?: {
    readonly _sharedRegistry?: Storages;
    readonly _perCollectorRegistry?: ReadonlyMap<unknown, Storages>;
  };
}

export class ApplicationMeters {
  readonly #send: (notice: MetersNotice) => void;
  readonly #told = new Set<string>();
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(send: (notice: MetersNotice) => void) {
    this.#send = send;
    this.#timers = LOOKS_MS.map((delayMs) => setTimeout(() => this.look(), delayMs).unref());
  }

  /** Looks now. Never throws. */
  look(): void {
    try {
      const known = this.#told.size;
      for (const name of instruments()) if (this.#told.size < MAX_INSTRUMENTS) this.#told.add(name);
      if (this.#told.size > known) this.#send({ instruments: [...this.#told] });
    } catch {
      /* Not a provider as the SDKs have it: there is nothing to leave to it. */
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** The convention's metrics that some reader of the application's collects. */
function* instruments(): Generator<string> {
  const { metricCollectors = [], meterSharedStates = new Map() } =
    (registeredApi()?.metrics as Provider | undefined)?._sharedState ?? {};
  if (metricCollectors.length === 0) return;
  for (const { metricStorageRegistry } of meterSharedStates.values() as Iterable<Meter>) {
    const { _sharedRegistry = new Map(), _perCollectorRegistry = new Map() } = metricStorageRegistry ?? {};
    for (const storages of [_sharedRegistry, ..._perCollectorRegistry.values()] as Storages[])
      for (const name of storages.keys()) if (CONVENTION.test(name)) yield name;
  }
}
