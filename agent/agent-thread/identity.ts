/**
 * Who the process is in everything exported: the resource of the application's own SDK, once it is known whether there is one.
 *
 * Runs on the agent thread, fed by notices of the main thread. Nothing is exported before this is settled, so it must never stay open for longer than
 * its limit, and what it is given is validated: the program could have sent it.
 *
 * Everything in the application's resource is taken over but three things. `process.*`: the agent has its own, which is of the same process and names
 * neither command line nor path nor owner. Hardware addresses: nobody compares them. `telemetry.*`: it says who made the data. The host's id and
 * addresses are taken over where the application has them, although the agent would not have found them out: Jaeger takes spans whose `host.id`,
 * `host.ip` or else `host.name` differ to come from two clocks, and moves, or warns of, the child that seems to reach out of its parent. So nothing
 * leaves the process because of the agent that did not before, and who it is reads the same. An application without `service.instance.id` leaves the
 * agent its own: of two processes without one, the counters could not be told apart.
 */
import type { ResourceAttributes } from './telemetry/resource.ts';

/** Attributes taken over at most, and the longest name and value: a resource goes with every request. */
const MAX_ATTRIBUTES = 128;
const MAX_NAME_CHARS = 256;
const MAX_VALUE_CHARS = 4096;

export interface IdentitySettings {
  /** The application's SDK was registered when everything was exported under the agent's own name already. */
  readonly onLate: () => void;
  /** An application whose SDK is registered later than this has been shown under the agent's own name by then. */
  readonly waitMs: number;
}

export class Identity {
  /** The application's resource; undefined when it has none. Resolves after `waitMs` at the latest, or when `settle` is called. */
  readonly resource: Promise<ResourceAttributes | undefined>;
  readonly #settings: IdentitySettings;
  readonly #timer: NodeJS.Timeout;
  #resolve: (resource: ResourceAttributes | undefined) => void = () => {};
  #attributes: ResourceAttributes | undefined;
  #isSettled = false;

  constructor(settings: IdentitySettings) {
    this.#settings = settings;
    this.resource = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = setTimeout(() => this.settle(), settings.waitMs);
  }

  /** Takes a message of the main thread, if it is a notice of a resource. */
  receive(message: unknown): void {
    const { resource, isComplete } = (message ?? {}) as { resource?: unknown; isComplete?: unknown };
    if (!Array.isArray(resource)) return;
    if (this.#isSettled) {
      if (this.#attributes === undefined) this.#settings.onLate();
      return;
    }
    this.#attributes = takenOver(resource);
    if (isComplete === true) this.settle();
  }

  /** Nobody waits any longer: what is known by now holds. */
  settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#resolve(this.#attributes);
  }
}

function takenOver(entries: readonly unknown[]): ResourceAttributes {
  const attributes: Record<string, string | number | boolean | (string | number | boolean)[]> = {};
  let count = 0;
  for (const entry of entries) {
    const [name, value] = (Array.isArray(entry) ? entry : []) as [unknown, unknown];
    if (typeof name !== 'string' || !isTakenOver(name) || Object.hasOwn(attributes, name)) continue;
    if (!(isValue(value) || (Array.isArray(value) && value.every(isValue) && value.length <= MAX_ATTRIBUTES))) continue;
    if (++count > MAX_ATTRIBUTES) break;
    attributes[name] = value;
  }
  return attributes;
}

function isTakenOver(name: string): boolean {
  if (name === '' || name.length > MAX_NAME_CHARS || name === '__proto__') return false;
  return !/^(?:process\.|telemetry\.|host\.mac$)/.test(name);
}

function isValue(value: unknown): value is string | number | boolean {
  if (typeof value === 'string') return value.length <= MAX_VALUE_CHARS;
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}
