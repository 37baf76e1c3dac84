/**
 * `postMessageToThread`: what it posts carries the sender's context in the envelope that Node puts around the message.
 *
 * Runs on application threads, as part of the preload: what is done there (`messages/envelopes.ts`) is loaded with the first such message. The message, what its
 * listeners do, and the errors are the program's and Node's, and stay as they are.
 */
import { syncBuiltinExports } from '../builtin-exports.ts';
import type { ContextScopes } from '../context/context-scope.ts';
import { loadQueuePatches } from '../load-patches.ts';
import type { Envelopes } from '../messages/envelopes.ts';
import { stampOf } from '../messages/stamped-message.ts';
import type { Recorder } from '../recorder.ts';
import { replaceMethod } from '../replace-method.ts';

const workerThreads = process.getBuiltinModule('node:worker_threads');

export interface ThreadMessageSettings {
  readonly recorder: Recorder;
  readonly scopes: ContextScopes;
  readonly registerFile: string;
}

/** What calls the handlers of a message in the context that came with it. */
export type Serve = (call: () => unknown) => unknown;

export interface ThreadMessageDoor {
  /** For a message at a port that no ledger knows: undefined where it is no envelope of ours. */
  readonly serverOf: (message: unknown) => Serve | undefined;
  readonly stop: () => void;
}

/** Replaces `postMessageToThread`; what it has posted is delivered through `serverOf`. */
export function followThreadMessages({ recorder, scopes, registerFile }: ThreadMessageSettings): ThreadMessageDoor {
  let loaded: Envelopes | undefined;
  /** Undefined where it cannot be loaded: messages then go as they would have. */
  const envelopes = (): Envelopes | undefined => {
    try {
      loaded ??= loadQueuePatches(registerFile).createEnvelopes(recorder, scopes);
    } catch {
      /* It is tried again: nothing else would be said of it. */
    }
    return loaded;
  };
  const stopPosts = replaceMethod(workerThreads, 'postMessageToThread', (original) => {
    return {
      method(this: object, ...args: unknown[]): unknown {
        const call = (): unknown => Reflect.apply(original, this, args);
        const found = envelopes();
        return found === undefined ? call() : found.post(call);
      },
    }.method;
  });
  syncBuiltinExports();
  return {
    serverOf: (message) => {
      const sender = stampOf(message);
      const found = sender === undefined ? undefined : envelopes();
      return sender === undefined ? undefined : found && ((call) => found.arrived(message, sender, call));
    },
    stop: () => {
      stopPosts?.();
      syncBuiltinExports();
    },
  };
}
