/**
 * What stands behind a view of guarded data (`guarded-view.ts`), for those that are given the view and need the array.
 *
 * Runs on application threads.
 */

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** Under this key a view gives what stands behind it; on anything else there is nothing. Known to every copy of the package. */
export const BEHIND: unique symbol = Symbol.for('gridwatch.guarded') as never;

export interface Behind {
  readonly array: TypedArray;
  /** Told before an access to one cell; indexes beyond the array's end are none. */
  readonly touch: Touch;
}

export type Touch = (index: number, isWrite: boolean, isAtomic: boolean) => void;

export function behind(value: unknown): Behind | undefined {
  return typeof value === 'object' && value !== null ? (value as { [BEHIND]?: Behind })[BEHIND] : undefined;
}
