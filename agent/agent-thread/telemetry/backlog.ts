/**
 * Spans and log records on their way to the SDK: they wait while it loads, pass through once it runs, and are counted as dropped where it never
 * will. Runs on the agent thread. It must never hold more than a few thousand of them.
 */
import type { RecordKind } from './catalog.ts';
import type { OutgoingLog } from './logs.ts';
import type { OutgoingSpan } from './spans.ts';

export interface Output {
  writeSpan(span: OutgoingSpan): void;
  writeLog(log: OutgoingLog): void;
}

const MAX_WAITING = 2048;

export class Backlog {
  readonly #countDrop: (kind: RecordKind, records: number) => void;
  #spans: OutgoingSpan[] = [];
  #logs: OutgoingLog[] = [];
  #output: Output | undefined;

  constructor(countDrop: (kind: RecordKind, records: number) => void) {
    this.#countDrop = countDrop;
  }

  span(span: OutgoingSpan): void {
    if (this.#output !== undefined) this.#output.writeSpan(span);
    else if (this.#spans.length < MAX_WAITING) this.#spans.push(span);
    else this.#countDrop('span', 1);
  }

  log(log: OutgoingLog): void {
    if (this.#output !== undefined) this.#output.writeLog(log);
    else if (this.#logs.length < MAX_WAITING) this.#logs.push(log);
    else this.#countDrop('log', 1);
  }

  /** The SDK runs. */
  pass(output: Output): void {
    this.#output = output;
    for (const span of this.#spans) output.writeSpan(span);
    for (const log of this.#logs) output.writeLog(log);
    this.empty();
  }

  /** Nobody wants what waits: nothing is lost. */
  empty(): void {
    this.#spans = [];
    this.#logs = [];
  }

  /** Nobody wants them, now or later: nothing is lost. */
  discard(): void {
    this.pass({ writeSpan: () => {}, writeLog: () => {} });
  }

  /** The SDK will never run. */
  fail(): void {
    this.pass({ writeSpan: () => this.#countDrop('span', 1), writeLog: () => this.#countDrop('log', 1) });
  }
}
