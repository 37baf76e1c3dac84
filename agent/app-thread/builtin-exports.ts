/**
 * Shows what was replaced in a built-in module to those who take it by `import` as well.
 *
 * Runs on application threads. `node:module` has the function, but takes 0.8 ms and 220 kB of every thread to load. The same function stands on the class
 * of the gate's own `module`, so the gate hands that over; a program that calls `start()` itself has no gate.
 */
let moduleClass: object = {};

/** To be called by the gate's preloads, with the class of its `module`. */
export function useModuleClass(given: unknown): void {
  if (typeof given === 'function') moduleClass = given;
}

export function syncBuiltinExports(): void {
  const sync: unknown = Reflect.get(moduleClass, 'syncBuiltinESMExports');
  if (typeof sync === 'function') Reflect.apply(sync, moduleClass, []);
  else process.getBuiltinModule('node:module').syncBuiltinESMExports();
}
