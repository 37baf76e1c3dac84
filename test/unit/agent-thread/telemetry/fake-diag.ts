/** A voice whose lines can be read. Used by the unit tests of telemetry; runs in the test's process. */
import type { Diag } from '../../../../agent/diag.ts';

export class FakeDiag implements Diag {
  readonly lines: string[] = [];
  readonly #keys = new Set<string>();

  info(message: string): void {
    this.lines.push(`info ${message}`);
  }

  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }

  error(message: string): void {
    this.lines.push(`error ${message}`);
  }

  once(key: string): Diag {
    if (this.#keys.has(key)) return new FakeDiag();
    this.#keys.add(key);
    return this;
  }
}
