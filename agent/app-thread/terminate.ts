/**
 * Says of a worker that somebody stops it, because a worker whose heap is full ends the same way for whoever looks from outside: without another line of
 * its JavaScript. Its parent hears the difference only when its own event loop turns, and only with a listener that the program could count.
 *
 * Runs on application threads, inside `worker.terminate()`, which does and returns what it did before.
 */
import type { ControlMemory } from '../shared-memory/layout.ts';
import { markTerminated } from '../shared-memory/registry.ts';
import { replaceMethod } from './replace-method.ts';

const { prototype } = process.getBuiltinModule('node:worker_threads').Worker;

/** Replaces `terminate`; gives back what restores it. */
export function followTermination(memory: ControlMemory): () => void {
  const restore = replaceMethod(prototype, 'terminate', (original) => {
    const { terminate } = {
      terminate(this: { readonly threadId?: unknown }, ...args: unknown[]): unknown {
        try {
          if (prototype.isPrototypeOf(this)) markTerminated(memory, Number(this.threadId));
        } catch {
          /* A program's own accessor: the worker is stopped all the same. */
        }
        return Reflect.apply(original, this, args);
      },
    };
    return terminate;
  });
  return () => restore?.();
}
