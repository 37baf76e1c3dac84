/**
 * Packages of promise locks in two copies, one as it is and one patched, and what tells them apart: a log of everything a
 * scenario sees, with the microtask in which it sees it. Runs in a test's own process.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { sep } from 'node:path';
import type { LockTracker } from '../../agent/app-thread/async-locks/tracker.ts';
import { patchFile } from '../../agent/app-thread/instrumentation/promise-locks/patches.ts';
import { PROMISE_LOCKS } from '../../agent/app-thread/instrumentation/promise-locks/table.ts';

const require = createRequire(import.meta.url);

/** A copy of a CommonJS package of its own; patched when there is a tracker. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what it loads
export function commonJsCopy<T>(name: string, tracker?: LockTracker): T {
  const main = require.resolve(name);
  const folder =
    main.slice(0, main.lastIndexOf(`${sep}node_modules${sep}`)) + sep + ['node_modules', name, ''].join(sep);
  for (const file of Object.keys(require.cache)) if (file.startsWith(folder)) delete require.cache[file];
  require(name);
  if (tracker !== undefined) {
    for (const { file } of PROMISE_LOCKS.find(({ module }) => module === name)?.files ?? []) {
      const module = require.cache[`${folder}${file.replaceAll('/', sep)}`];
      if (module !== undefined) patchFile(name, file, module as unknown as Record<string, unknown>, tracker);
    }
  }
  return require(name) as T;
}

let copies = 0;

/** A copy of an ES module of its own, its bindings as an object; patched when there is a tracker. */
export async function moduleCopy<T>(name: string, file: string, tracker?: LockTracker): Promise<T> {
  const url = new URL(`../../node_modules/${name}/${file}?copy=${copies++}`, import.meta.url);
  const namespace = (await import(url.href)) as Record<string, unknown>;
  const declared: Record<string, unknown> = { ...namespace, pLimit: namespace['default'] };
  if (tracker !== undefined) patchFile(name, file, declared, tracker);
  return declared as T;
}

/** Once Node has told of a rejection that nobody handles. */
export function unhandledRejection(): Promise<unknown> {
  return once(process, 'unhandledRejection');
}

/** What a scenario is given: the library, and a log. */
export type Scenario<T> = (library: T, log: (what: string, value?: unknown) => void) => unknown;

/** Runs a scenario, and gives back what it logged, each line with the number of the microtask since the last turn. */
export async function logOf<T>(library: T, scenario: Scenario<T>): Promise<string[]> {
  const lines: string[] = [];
  let tick = 0;
  let isOver = false;
  const count = (): void => {
    tick++;
    if (!isOver && tick < 10_000) queueMicrotask(count);
  };
  const turn = (): void => {
    tick = 0;
    queueMicrotask(count);
    if (!isOver) setImmediate(turn);
  };
  const unhandled = (reason: unknown): void => void lines.push(`unhandled ${String(reason)}`);
  process.on('unhandledRejection', unhandled);
  turn();
  try {
    await scenario(library, (what, value) => lines.push(`${tick} ${what} ${shown(value)}`));
  } catch (error) {
    lines.push(`failed ${String(error)}`);
  } finally {
    isOver = true;
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
  }
  return lines;
}

function shown(value: unknown): string {
  if (value instanceof Error) return String(value);
  if (typeof value === 'function') return `function ${value.name}/${value.length}`;
  return value === undefined ? '' : JSON.stringify(value);
}
