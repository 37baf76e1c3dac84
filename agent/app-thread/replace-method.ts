/**
 * Puts a method in the place of another one so that it looks the same from outside: name, length and the property's attributes.
 *
 * Runs on application threads. What it replaces is the program's or a library's, so it may be frozen: then it throws, and nothing was changed.
 */

/** A method of somebody else's object. */
export type Method = (this: object, ...args: unknown[]) => unknown;

/**
 * Replaces `holder[name]` by what `make` gives for it; where it is inherited, `holder` gets an own property that no enumeration shows. Gives back what
 * restores it, unless somebody else has replaced it since; undefined where it is no method.
 */
export function replaceMethod(
  holder: object,
  name: PropertyKey,
  make: (original: Method) => Method,
): (() => void) | undefined {
  const original = Reflect.get(holder, name) as unknown;
  if (typeof original !== 'function') return undefined;
  const before = Object.getOwnPropertyDescriptor(holder, name);
  const value = make(original as Method);
  Object.defineProperties(value, {
    name: { value: original.name, configurable: true },
    length: { value: original.length, configurable: true },
  });
  Object.defineProperty(holder, name, { configurable: true, writable: true, enumerable: false, ...before, value });
  return () => {
    if (Reflect.get(holder, name) !== value) return;
    if (before === undefined) Reflect.deleteProperty(holder, name);
    else Object.defineProperty(holder, name, before);
  };
}
