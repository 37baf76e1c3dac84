/**
 * Remembers something of an object of the program's where the program cannot see it: in a private field, which is found ten times as fast as in a WeakMap.
 *
 * Runs on application threads.
 */

/* What a base class's constructor returns is what the derived class's fields are added to. */
const Given = function given(target: object): object {
  return target;
} as unknown as new (
  target: object,
) => object;

export class Hidden extends Given {
  #value: unknown;

  private constructor(target: object, value: unknown) {
    super(target);
    this.#value = value;
  }

  static get(target: unknown): unknown {
    const isObject = (typeof target === 'object' && target !== null) || typeof target === 'function';
    return isObject && #value in target ? target.#value : undefined;
  }

  static set(target: object, value: unknown): void {
    if (#value in target) target.#value = value;
    else new Hidden(target, value);
  }
}
