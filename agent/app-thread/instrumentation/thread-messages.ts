/**
 * `postMessageToThread`: what it posts carries the sender's context in the envelope that Node puts around the message.
 *
 * Runs on application threads, as part of the preload: what is done there (`messages/envelopes.ts`) is loaded with the first such message. The message, what its
 * listeners do, and the errors are the program's and Node's, and stay as they are.
 *
 * The hook of deliveries must be put in place before that of the ledger, and taken away after it: so it is the inner one, and its context holds.
 */
import { syncBuiltinExports } from '../builtin-exports.ts';
import type { ContextScopes } from '../context/context-scope.ts';
import { loadQueuePatches } from '../load-patches.ts';
import type { Envelopes } from '../messages/envelopes.ts';
import { stampOf } from '../messages/stamped-message.ts';
import type { Recorder } from '../recorder.ts';
import { replaceMethod } from '../replace-method.ts';

const workerThreads = process.getBuiltinModule('node:worker_threads');

const DISPATCH = Symbol.for('nodejs.internal.kHybridDispatch');

export interface ThreadMessageSettings {
  readonly recorder: Recorder;
  readonly scopes: ContextScopes;
  readonly registerFile: string;
}

/** Replaces `postMessageToThread`, and follows deliveries; gives back what restores both. */
export function followThreadMessages({ recorder, scopes, registerFile }: ThreadMessageSettings): () => void {
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
  const stopDispatch = replaceMethod(workerThreads.MessagePort.prototype, DISPATCH, (original) => {
    return {
      method(this: object, ...args: unknown[]): unknown {
        /* An event that the program dispatches itself is no delivery, and comes with the event. */
        const sender = args[1] === 'message' && args[2] === undefined ? stampOf(args[0]) : undefined;
        const found = sender === undefined ? undefined : envelopes();
        if (sender === undefined || found === undefined) return Reflect.apply(original, this, args);
        return found.arrived(args[0], sender, () => Reflect.apply(original, this, args));
      },
    }.method;
  });
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
  return () => {
    stopPosts?.();
    stopDispatch?.();
    syncBuiltinExports();
  };
}
