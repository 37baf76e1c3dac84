/**
 * Puts a class in the place of one of Node's, in `node:worker_threads` and on the global, so that it looks the same from outside.
 *
 * Runs on application threads. A plain function, for the reasons that `spawn.ts` has for `Worker`; without `new` it does what Node's class does.
 */
import type { Method } from '../replace-method.ts';

const workerThreads = process.getBuiltinModule('node:worker_threads') as object;

type NodeClass = new (...args: unknown[]) => object;

/** `made` has `make` called, once, and returns what that gives; it is also told of the class that the program sees. Gives back what restores Node's. */
export function replaceClass(
  name: 'BroadcastChannel' | 'MessageChannel',
  made: (make: () => object, args: unknown[], shown: Method) => object,
): () => void {
  const original = Reflect.get(workerThreads, name) as NodeClass;
  const named: Record<string, unknown> = {
    [name]: function (this: unknown, ...args: unknown[]): object {
      if (new.target === undefined) return Reflect.apply(original as unknown as Method, this as object, args) as object;
      const newTarget: unknown = new.target === shown ? original : new.target;
      return made(() => Reflect.construct<unknown[], object>(original, args, newTarget as NodeClass), args, shown);
    },
  };
  const shown = named[name] as NodeClass & Method;
  Object.setPrototypeOf(shown, Object.getPrototypeOf(original) as object);
  Object.defineProperties(shown, Object.getOwnPropertyDescriptors(original));
  const replace = (from: NodeClass, value: NodeClass): void => {
    for (const holder of [workerThreads, globalThis]) {
      if (Reflect.get(holder, name) === from) set(holder, name, value);
    }
    set(original.prototype as object, 'constructor', value);
  };
  replace(original, shown);
  return () => replace(shown, original);
}

function set(holder: object, name: string, value: NodeClass): void {
  const enumerable = Object.getOwnPropertyDescriptor(holder, name)?.enumerable ?? false;
  Object.defineProperty(holder, name, { configurable: true, writable: true, enumerable, value });
}
