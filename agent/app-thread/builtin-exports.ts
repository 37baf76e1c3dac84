/**
 * Functions of `node:module`: what shows those who take a built-in module by `import` what was replaced in it, and what follows modules as they are loaded.
 *
 * Runs on application threads. To load `node:module` takes 0.8 ms and 220 kB of every thread. The same functions stand on the class of the gate's own
 * `module`, so the gate hands that over; a program that calls `start()` itself has no gate.
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

/** `name` of `node:module`, called. */
export function callModule(name: 'createRequire' | 'registerHooks', argument: unknown): unknown {
  const given: unknown = Reflect.get(moduleClass, name);
  const from: object = typeof given === 'function' ? moduleClass : process.getBuiltinModule('node:module');
  const found: unknown = Reflect.get(from, name);
  if (typeof found !== 'function') throw new Error(`this Node has no module.${name}`);
  return Reflect.apply(found, from, [argument]);
}
