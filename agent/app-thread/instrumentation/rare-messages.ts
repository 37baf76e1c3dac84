/**
 * Waits for the first use of broadcast channels and of IPC, and loads what counts them then: most threads have neither.
 *
 * Runs on application threads, as part of the preload.
 */
import { loadQueuePatches } from '../load-patches.ts';
import type { Recorder } from '../recorder.ts';
import { replaceMethod } from '../replace-method.ts';

const { BroadcastChannel, isMainThread } = process.getBuiltinModule('node:worker_threads');

/** Node tells of each new child process there, before it starts. */
const CHILD_PROCESSES = 'child_process';

export interface RareMessageSettings {
  readonly recorder: Recorder;
  readonly registerFile: string;
}

/** Gives back what ends it. */
export function followRareMessages({ recorder, registerFile }: RareMessageSettings): () => void {
  const undo: ((() => void) | undefined)[] = [];
  const load = (follow: (patches: ReturnType<typeof loadQueuePatches>) => () => void): void => {
    try {
      undo.push(follow(loadQueuePatches(registerFile)));
    } catch {
      /* It cannot be had here: they go uncounted. */
    }
  };
  undo.push(onFirstBroadcast(() => load(({ followBroadcasts }) => followBroadcasts(recorder))));
  if (isMainThread) {
    if (process.send !== undefined) load(({ followParent }) => followParent(recorder));
    undo.push(
      onFirstChild((child) => {
        load(({ followChildren }) => followChildren(recorder, Object.getPrototypeOf(child) as object));
      }),
    );
  }
  return () => {
    for (const step of undo.splice(0).toReversed()) step?.();
  };
}

/** The first to add a listener, or to post. */
function onFirstBroadcast(begin: () => void): () => void {
  const { prototype } = BroadcastChannel;
  const steps: ((() => void) | undefined)[] = [];
  const end = (): void => {
    for (const step of steps.splice(0)) step?.();
  };
  for (const name of ['postMessage', 'dispatchEvent'] as const)
    steps.push(
      replaceMethod(prototype, name, () => {
        return {
          method(this: object, ...args: unknown[]): unknown {
            end();
            begin();
            return Reflect.apply(Reflect.get(prototype, name) as (...given: unknown[]) => unknown, this, args);
          },
        }.method;
      }),
    );
  return end;
}

function onFirstChild(begin: (child: object) => void): () => void {
  const { subscribe, unsubscribe } = process.getBuiltinModule('node:diagnostics_channel');
  const listener = (message: unknown): void => {
    unsubscribe(CHILD_PROCESSES, listener);
    const { process: child } = message as { readonly process?: unknown };
    if (typeof child === 'object' && child !== null) begin(child);
  };
  subscribe(CHILD_PROCESSES, listener);
  return () => {
    unsubscribe(CHILD_PROCESSES, listener);
  };
}
