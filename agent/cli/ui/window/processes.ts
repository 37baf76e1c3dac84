/**
 * The processes that send telemetry in one run: the program, and whatever it starts that inherits its environment. Runs in
 * the process of `gridwatch run --ui`. The agent and the application's own SDK describe the same process by two resources,
 * which need not name the same things: one shared identity makes them one.
 */
import type { OtlpAttributes } from '../../otlp-decode.ts';
import { textOf } from './span-log.ts';

export interface ProcessEntry {
  /** '' until a resource names it. */
  serviceName: string;
  /** Undefined until a resource names it. */
  pid: number | undefined;
  /** When its metrics were last collected, in milliseconds since the epoch; 0 before the first time. */
  collectedMs: number;
}

/** A program that forks more is shown as if the rest were one. */
const MAX_PROCESSES = 64;

export class ProcessTable {
  readonly #entries: ProcessEntry[] = [];
  readonly #byIdentity = new Map<string, ProcessEntry>();

  get entries(): readonly ProcessEntry[] {
    return this.#entries;
  }

  /**
   * The process a resource belongs to. One without any identity belongs to the first.
   * @param isServing whether this resource sent the span of a request: the name of who answers is the service's.
   */
  of(resource: OtlpAttributes, isServing = false): ProcessEntry {
    const pid = resource['process.pid'];
    const instance = textOf(resource, 'service.instance.id');
    const identities: string[] = [];
    if (typeof pid === 'number') identities.push(`pid ${pid}`);
    if (instance !== '') identities.push(`instance ${instance}`);
    const known = identities.map((identity) => this.#byIdentity.get(identity)).find((entry) => entry !== undefined);
    const entry = known ?? (identities.length === 0 ? this.#entries[0] : undefined) ?? this.#add();
    if (this.#byIdentity.size < 4 * MAX_PROCESSES)
      for (const identity of identities) this.#byIdentity.set(identity, entry);
    if (typeof pid === 'number') entry.pid ??= pid;
    const serviceName = textOf(resource, 'service.name');
    if (serviceName.startsWith('unknown_service')) return entry;
    if (isServing) entry.serviceName = serviceName || entry.serviceName;
    else entry.serviceName ||= serviceName;
    return entry;
  }

  #add(): ProcessEntry {
    const last = this.#entries.at(-1);
    if (last !== undefined && this.#entries.length >= MAX_PROCESSES) return last;
    const entry: ProcessEntry = { serviceName: '', pid: undefined, collectedMs: 0 };
    this.#entries.push(entry);
    return entry;
  }
}
