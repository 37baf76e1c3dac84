/**
 * Sees the first `http.Agent` that has a bound to its sockets, and has the patch of agents loaded then. Without a bound nobody waits for a socket, so a program
 * that has none pays one comparison a request, and reads nothing.
 *
 * Runs on application threads, as part of the preload: it must stay small, and must not load `node:http` before the program does.
 */
import type { Agent } from 'node:http';
import { type Method, replaceMethod } from '../replace-method.ts';

/** Built-in modules with which `http` is loaded. */
export const HTTP_MODULES: ReadonlySet<string> = new Set([
  'node:http',
  'node:https',
  'node:_http_agent',
  'node:_http_client',
]);

/** What the patch is told by. */
export interface AgentPatch {
  /** It is being constructed by who calls this, further up. */
  made(agent: Agent): void;
  /** What stands in the place of `addRequest` from now on. */
  addRequest(original: Method): Method;
  /** Takes everything back. */
  unpatch(): void;
}

/** Whether somebody may have to wait for a socket. */
export function isBounded({ maxSockets, maxTotalSockets }: Partial<Agent>): boolean {
  return Number.isFinite(maxSockets) || Number.isFinite(maxTotalSockets);
}

/** Whether `http` was loaded before anybody could see it. */
export function isHttpLoaded(): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] };
  return moduleLoadList?.includes('NativeModule _http_agent') === true;
}

/** Follows the agents of this thread, `http` being loaded; gives back what ends it. `load` patches `node:http`. */
export function followHttpAgents(load: () => AgentPatch | undefined): () => void {
  const { prototype } = process.getBuiltinModule('node:http').Agent;
  let patch: AgentPatch | undefined;
  let isOpen = false;
  let addRequest: Method | undefined;
  const open = (): AgentPatch | undefined => {
    if (isOpen) return patch;
    isOpen = true;
    try {
      patch = load();
    } catch {
      /* The file is not there: nobody is followed. */
    }
    return patch;
  };
  const undo = replaceMethod(
    prototype,
    'addRequest',
    (original) =>
      function addFirst(this: object, ...args: unknown[]): unknown {
        if (addRequest === undefined && isBounded(this)) addRequest = open()?.addRequest(original) ?? original;
        return Reflect.apply(addRequest ?? original, this, args);
      },
  );
  const field = 'maxSockets';
  /* The constructor sets it, after the options, to a number: so it is seen without another constructor. */
  if (!(field in prototype))
    Object.defineProperty(prototype, field, {
      configurable: true,
      enumerable: false,
      get: () => undefined,
      set(this: Agent, value: unknown) {
        Object.defineProperty(this, field, { value, configurable: true, enumerable: true, writable: true });
        if (isBounded(this) || isBounded((this as { options?: object }).options ?? {})) open()?.made(this);
      },
    });
  return () => {
    Reflect.deleteProperty(prototype, field);
    undo?.();
    patch?.unpatch();
  };
}
