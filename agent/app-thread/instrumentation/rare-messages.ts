/**
 * Waits for the first use of broadcast channels and of IPC, and loads what counts them then: most threads have neither.
 *
 * Runs on application threads, as part of the preload.
 */
import { addUnseen } from '../../shared-memory/vouching.ts';
import { loadQueuePatches } from '../load-patches.ts';
import { findMessageLink } from '../message-link.ts';
import type { Recorder } from '../recorder.ts';
import { replaceClass } from './replace-class.ts';

const { isMainThread } = process.getBuiltinModule('node:worker_threads');

/** Node tells of each new child process there, before it starts. */
const CHILD_PROCESSES = 'child_process';

export interface RareMessageSettings {
  readonly recorder: Recorder;
  readonly registerFile: string;
}

type Load = (follow: (patches: ReturnType<typeof loadQueuePatches>) => () => void) => void;

/** Gives back what ends it. */
export function followRareMessages({ recorder, registerFile }: RareMessageSettings): () => void {
  const undo: ((() => void) | undefined)[] = [];
  const load: Load = (follow) => {
    try {
      undo.push(follow(loadQueuePatches(registerFile)));
    } catch {
      /* It cannot be had here: they go uncounted. */
    }
  };
  undo.push(onFirstBroadcast(recorder, load));
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

/** The first to be made. */
function onFirstBroadcast(recorder: Recorder, load: Load): () => void {
  const plain = (_: unknown, make: () => object): object => make();
  let join: typeof plain | undefined;
  return replaceClass('BroadcastChannel', (make, [name]) => {
    if (join === undefined) {
      join = plain;
      load(({ followBroadcasts }) => {
        const broadcasts = followBroadcasts(recorder);
        ({ join } = broadcasts);
        return broadcasts.stop;
      });
      /* What cannot be followed posts unseen. */
      const memory = findMessageLink()?.broadcasts?.memory;
      if (join === plain && memory !== undefined) addUnseen(memory, 1);
    }
    return join(name, make);
  });
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
