/**
 * Keeps packages that the SDK requires for everybody, and few use, from being loaded until somebody does: a third of the time the SDK takes to
 * load. Runs on the agent thread. `require` is given a stand-in that loads the package when the first of its exports is asked for, so it changes
 * when a package is loaded and nothing else. It must never be used for a package whose exports are looked at while the SDK loads.
 */
import { Module } from 'node:module';

const http = process.getBuiltinModule('node:http');

/**
 * - configuration: the parser of OTEL_CONFIG_FILE, with its YAML library and schema;
 * - otlp-grpc-exporter-base: all of gRPC;
 * - propagators and Zipkin: nothing on this thread propagates, and Zipkin has to be asked for.
 */
const SELDOM_USED = [
  '@opentelemetry/configuration',
  '@opentelemetry/otlp-grpc-exporter-base',
  '@opentelemetry/propagator-b3',
  '@opentelemetry/exporter-zipkin',
] as const;

/** To be called before the SDK is required, with its own `require`. */
export function deferSeldomUsed(require: NodeJS.Require): void {
  for (const name of SELDOM_USED) {
    const file = require.resolve(name);
    if (require.cache[file] === undefined) require.cache[file] = standIn(file, require);
  }
}

/** Properties of `http` behind which all of undici stands: 28 ms, for globals that nothing on this thread asks for. */
const UNDICI_GETTERS = ['WebSocket', 'CloseEvent', 'MessageEvent'] as const;

/** The exporters import `http` as a namespace, for which Node evaluates each of its properties. To be called before they do, on the agent thread only. */
export function leaveUndiciOut(): void {
  for (const name of UNDICI_GETTERS)
    Object.defineProperty(http, name, { value: undefined, configurable: true, writable: true });
}

function standIn(file: string, require: NodeJS.Require): NodeJS.Module {
  const module = new Module(file);
  let exports: object | undefined;
  const load = (): object => {
    if (exports === undefined) {
      delete require.cache[file];
      exports = require(file) as object;
    }
    return exports;
  };
  module.filename = file;
  module.loaded = true;
  module.exports = new Proxy(
    {},
    {
      get: (_target, key) => Reflect.get(load(), key) as unknown,
      has: (_target, key) => Reflect.has(load(), key),
    },
  );
  return module;
}
