/**
 * The one class of error the agent throws. Used on every thread. Two copies of the package in one program must recognise
 * each other's errors, so `instanceof` asks for a mark every copy knows by name, and never for the prototype.
 */

/** Stable: programs compare with these. To rename one is a major version. */
export type GridwatchErrorCode =
  /** Shared memory that is not ours, or was laid out by another version of the package. */
  'ERR_GRIDWATCH_LAYOUT';

const MARK: symbol = Symbol.for('gridwatch.error');

export class GridwatchError extends Error {
  override readonly name = 'GridwatchError';
  readonly code: GridwatchErrorCode;

  constructor(code: GridwatchErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, MARK, { value: true });
  }

  /** True for an error of any copy of this class. */
  static override [Symbol.hasInstance](value: unknown): value is GridwatchError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true;
  }
}
