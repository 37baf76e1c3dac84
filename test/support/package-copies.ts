/**
 * Packages in two copies, one as it is and one patched, and what tells them apart: a log of everything a scenario sees, with the microtask in which it sees
 * it. Runs in a test's own process.
 */
import { createRequire } from 'node:module';
import { sep } from 'node:path';

const require = createRequire(import.meta.url);

/** Patches what a file of a package declares. */
export type PatchFile = (file: string, declared: Record<string, unknown>) => void;

/** A copy of a CommonJS package of its own, in whose files `patch` replaces what it will; `entry` is what is required of it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what it loads
export function commonJsCopyOf<T>(name: string, files: readonly string[], patch?: PatchFile, entry: string = name): T {
  const main = require.resolve(entry);
  const folder =
    main.slice(0, main.lastIndexOf(`${sep}node_modules${sep}`)) + sep + ['node_modules', name, ''].join(sep);
  for (const file of Object.keys(require.cache)) if (file.startsWith(folder)) delete require.cache[file];
  if (patch === undefined) return require(entry) as T;
  /* Each file before those that require it, as the line at its end would have it. */
  for (const file of files) {
    const path = `${folder}${file.replaceAll('/', sep)}`;
    require(path);
    const module = require.cache[path];
    if (module !== undefined) patch(file, module as unknown as Record<string, unknown>);
  }
  return require(entry) as T;
}

let copies = 0;

/** A copy of an ES module of its own, its bindings as an object, `names` for those that it exports under others. */
export async function moduleCopyOf<T>(
  name: string,
  file: string,
  names: Readonly<Record<string, string>>,
  patch?: PatchFile,
): Promise<T> {
  const url = new URL(`../../node_modules/${name}/${file}?copy=${copies++}`, import.meta.url);
  const namespace = (await import(url.href)) as Record<string, unknown>;
  const declared: Record<string, unknown> = { ...namespace };
  for (const [binding, exported] of Object.entries(names)) declared[binding] = namespace[exported];
  patch?.(file, declared);
  return declared as T;
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

/** Of what comes from a socket the microtask is chance. */
export function withoutTicks(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^\d+ /, ''));
}

function shown(value: unknown): string {
  if (value instanceof Error) return String(value);
  if (typeof value === 'function') return `function ${value.name}/${value.length}`;
  return value === undefined ? '' : JSON.stringify(value);
}
