/**
 * What the application's own OpenTelemetry SDK says the process is. It is sent to the agent thread, so that both show one service and one instance.
 *
 * Runs on the main thread. A trap on the api's global would see the registration at once, and be seen; so it is looked for at a few moments instead,
 * none of which keeps the process alive. What it reads are fields that the SDKs (1.x, 2.x, 3.x) do not document, and it asks for no attribute that
 * is not settled yet, because the SDK would complain of that in the program's log.
 */
import { registeredApi, registeredTracerProvider } from './trace-context.ts';

/* The originals: a program's tests may replace the globals by clocks of their own. */
const { setTimeout, clearTimeout } = globalThis;

/** What the agent thread is told: what is settled so far, and again when all of it is. */
export interface ResourceNotice {
  readonly resource: readonly (readonly [name: string, value: unknown])[];
  readonly isComplete: boolean;
}

/** Between two looks, the second pause twice as long as the first: an SDK is mostly registered before the program's first line. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1800;
/** Looked for at least so long: of one that comes later than exports have begun the agent says so. */
const MIN_LOOKING_MS = 5000;

/** A resource of any of the SDKs. */
interface Resource {
  readonly attributes?: object;
  readonly asyncAttributesPending?: boolean;
  waitForAsyncAttributes?(): Promise<void>;
  /** 2.x and 3.x: values, and promises of some. The first of a name holds. */
  readonly _rawAttributes?: readonly (readonly [string, unknown])[];
  /** 1.x */
  readonly _syncAttributes?: object;
}

/** A tracer provider has it itself, a meter or logger provider in its state. */
interface Provider {
  readonly resource?: Resource;
  readonly _resource?: Resource;
  readonly _sharedState?: { readonly resource?: Resource };
}

export class ApplicationResource {
  readonly #send: (notice: ResourceNotice) => void;
  #isFound = false;
  #timer: NodeJS.Timeout | undefined;
  #leftMs: number;

  /** `waitMs`: how long the agent thread waits for a notice. */
  constructor(send: (notice: ResourceNotice) => void, waitMs: number) {
    this.#send = send;
    this.#leftMs = Math.max(waitMs, MIN_LOOKING_MS);
    this.#lookLater(FIRST_PAUSE_MS);
  }

  /** Looks now, unless it is found already. Never throws. */
  look(): void {
    if (this.#isFound) return;
    try {
      const resource = registeredResource();
      if (resource === undefined) return;
      this.#isFound = true;
      this.stop();
      this.#tell(resource);
    } catch {
      /* Not a resource as the SDKs have it: there is none to take over. */
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #lookLater(pauseMs: number): void {
    this.#leftMs -= pauseMs;
    if (this.#leftMs < 0) return;
    this.#timer = setTimeout(() => {
      this.look();
      if (!this.#isFound) this.#lookLater(Math.min(pauseMs * 2, LONGEST_PAUSE_MS));
    }, pauseMs).unref();
  }

  #tell(resource: Resource): void {
    if (resource.asyncAttributesPending !== true) {
      this.#send({ resource: Object.entries(resource.attributes ?? {}).filter(isPlain), isComplete: true });
      return;
    }
    const settled = resource._rawAttributes ?? Object.entries(resource._syncAttributes ?? {});
    this.#send({ resource: settled.filter(isPlain), isComplete: false });
    /* What the SDK's exporters wait for, too, before their first request. */
    resource.waitForAsyncAttributes?.().then(
      () => this.#tell({ attributes: resource.attributes ?? {} }),
      () => undefined,
    );
  }
}

function registeredResource(): Resource | undefined {
  const { metrics, logs } = registeredApi() ?? {};
  for (const provider of [registeredTracerProvider(), metrics, logs] as readonly (Provider | undefined)[]) {
    const resource = provider?.resource ?? provider?._resource ?? provider?._sharedState?.resource;
    if (typeof resource === 'object' && resource !== null) return resource;
  }
  return undefined;
}

/** What an attribute may hold, and what can be sent: no promise, no object, no function. */
function isPlain([, value]: readonly [string, unknown]): boolean {
  const isSimple = (one: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof one);
  return isSimple(value) || (Array.isArray(value) && value.every(isSimple));
}
