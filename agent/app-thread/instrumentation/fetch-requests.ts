/**
 * Sees the first request of `fetch`, or of undici, and has the patch of those loaded then: undici tells of its requests on diagnostics channels, in whichever copy.
 *
 * Runs on application threads, as part of the preload: it must stay small.
 */

const CREATE = 'undici:request:create';

/** What is told of a request. */
export interface UndiciMessage {
  readonly request: object;
  readonly error?: unknown;
}

type Listener = (message: unknown, name: string | symbol) => void;

/** What follows requests from the first one on. */
export interface RequestsPatch {
  created(message: UndiciMessage): void;
  readonly listeners: Readonly<Record<string, (message: UndiciMessage) => void>>;
}

/** Follows the requests of this thread; gives back what ends it. */
export function followRequests(load: () => RequestsPatch | undefined): () => void {
  const { subscribe, unsubscribe } = process.getBuiltinModule('node:diagnostics_channel');
  let undo: (() => void)[] = [];
  const listen = (name: string, listener: (message: UndiciMessage) => void): void => {
    const told: Listener = (message) => {
      try {
        listener(message as UndiciMessage);
      } catch {
        /* Not a request as undici has them. */
      }
    };
    subscribe(name, told);
    undo.push(() => void unsubscribe(name, told));
  };
  let patch: RequestsPatch | undefined;
  let isLoaded = false;
  listen(CREATE, (message) => {
    if (!isLoaded) {
      isLoaded = true;
      patch = load();
      for (const [name, listener] of Object.entries(patch?.listeners ?? {})) listen(name, listener);
    }
    patch?.created(message);
  });
  return () => {
    for (const step of undo) step();
    undo = [];
  };
}
