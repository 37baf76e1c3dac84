/**
 * The workers of piscina and tinypool: they take their tasks from their port themselves, and go on to the next one inside of the last, so what is active there is
 * nobody's. The function of a task runs with the span that came with it, and is measured as that task's; the rest of the loop runs with none.
 *
 * Runs on the worker threads of such pools, when the worker's own file is loaded.
 */
import type { TraceIds } from '../../../shared-memory/registry.ts';
import { findMessageLink, type MessageLink } from '../../message-link.ts';
import { type Callable, type Declared, replaceDeclared } from '../patch.ts';

interface Taken {
  readonly link: MessageLink;
  readonly context: TraceIds;
}

/** The message that the loop looks at now, if a span came with it: the function of its task is asked for before anything is waited for. */
let taken: Taken | undefined;

const { then } = Promise.prototype;

function onMessage(original: Callable): Callable {
  return (...args) => {
    const link = findMessageLink();
    if (link === undefined) return original(...args);
    const before = taken;
    const context = link.received();
    taken = context === undefined ? undefined : { link, context };
    try {
      return link.runWith(undefined, () => original(...args));
    } finally {
      taken = before;
    }
  };
}

function getHandler(original: Callable): Callable {
  return (...args) => {
    const task = taken;
    /* Asked for once a message: the files that a task's function loads may ask as well. */
    taken = undefined;
    const found = original(...args);
    return task === undefined ? found : then.call(found as Promise<unknown>, (handler) => within(task, handler));
  };
}

function within({ link, context }: Taken, handler: unknown): unknown {
  if (typeof handler !== 'function') return handler;
  return (task: unknown) => link.runTask(context, () => (handler as Callable)(task));
}

/** Patches what a worker's files declare. */
export function patchWorkerLoop(declared: Declared): () => void {
  const undo = [replaceDeclared(declared, 'onMessage', onMessage), replaceDeclared(declared, 'getHandler', getHandler)];
  return () => {
    for (const step of undo) step();
  };
}
