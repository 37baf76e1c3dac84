/**
 * Follows the packages that are patched as they are loaded, by `require` or `import`: one line is added at the end of each of their files, which hands what the
 * file declares to its patch. So a module keeps its URL, its namespace, its lines and the time at which it runs; and the patches are loaded with the first one.
 *
 * Runs on application threads, as part of the preload. It must cost other modules next to nothing (one look at their URL), and never break a package: where a
 * file is not as expected, the line changes nothing.
 */
import type { LoadFnOutput, RegisterHooksOptions } from 'node:module';
import { callModule } from '../builtin-exports.ts';
import type { Declared } from './patch.ts';
import { isInRange, type PatchedFile, type PatchedPackage } from './patched-package.ts';

/** Where the line finds whom to call: all who follow packages on this thread, in the order in which they began. */
const PATCHES = Symbol.for('gridwatch.patches');
const holder = globalThis as { [PATCHES]?: Set<PatchFound> };

const API_FOLDER = '/node_modules/@opentelemetry/api/';

/**
 * Patches what a file of a package declares: `module` of CommonJS, or an object whose properties are the file's bindings. `file` is as the table has it. What the
 * agent has patched, an instrumentation of the program's is shown as well, and the other way round: a patch is made `once`.
 */
export type PatchPackage = (followed: PatchedPackage, file: string, declared: Declared) => void;

/** What the line calls. */
type PatchFound = (module: string, file: string, declared: Declared) => void;

interface Found {
  readonly module: string;
  readonly file: PatchedFile;
}

/** Who else wants to know what is loaded. */
export interface LoadListeners {
  /** Told of the folder of each copy of `@opentelemetry/api` before its first file runs. */
  readonly sawApi?: ((folder: string) => void) | undefined;
  /** Told of the URL of each module that is about to run, also of a built-in one. */
  readonly sawModule?: ((url: string) => void) | undefined;
}

/** Begins to follow these packages; gives back what ends it. `patch` is called when the file has run, before who loads it goes on. */
export function followPackages(
  followed: readonly PatchedPackage[],
  patch: PatchPackage,
  { sawApi, sawModule }: LoadListeners = {},
): () => void {
  if (followed.length === 0 && sawApi === undefined && sawModule === undefined) return () => {};
  const names = followed.map(({ module }) => module).join('|');
  const apis = new Set<string>();
  const inPackage = new RegExp(`^(file:.*/node_modules/(${names})/)([^?#]*)$`);
  const value: PatchFound = (module, file, declared) => {
    try {
      const entry = followed.find((one) => one.module === module);
      if (entry !== undefined) patch(entry, file, declared);
    } catch {
      /* The package is not as expected: it stays as it is. */
    }
  };
  const options: RegisterHooksOptions = {
    load: (url, context, next) => {
      if (sawApi !== undefined && url.includes(API_FOLDER)) {
        const folder = url.slice(0, url.lastIndexOf(API_FOLDER) + API_FOLDER.length);
        if (!apis.has(folder)) sawApi(folder);
        apis.add(folder);
      }
      const loaded = next(url, context);
      sawModule?.(url);
      const match = inPackage.exec(url);
      if (match === null) return loaded;
      const [, folder = '', module = '', path = ''] = match;
      const entry = followed.find((one) => one.module === module);
      return withLine(url, loaded, () => find(folder, entry, path), value);
    },
  };
  const hooks = callModule('registerHooks', options) as { deregister(): void };
  return () => {
    hooks.deregister();
    holder[PATCHES]?.delete(value);
  };
}

function withLine(url: string, loaded: LoadFnOutput, look: () => Found | undefined, value: PatchFound): LoadFnOutput {
  try {
    const found = look();
    const isModule = loaded.format === 'module';
    if (found === undefined || (isModule && found.file.bindings.length === 0)) return loaded;
    followers().add(value);
    const text = sourceOf(url, loaded);
    if (text === undefined) return loaded;
    const line = `\n;${lineFor(found, text, isModule)}`;
    /* Somebody else has put it there already: it calls all who follow. */
    return text.endsWith(line) ? loaded : { ...loaded, source: text + line };
  } catch {
    return loaded;
  }
}

/** Beside a loader's hooks on a thread of their own, as `module.register` makes them, Node reads CommonJS that is imported where no hook sees it. */
function sourceOf(url: string, { source, format }: LoadFnOutput): string | undefined {
  if (source != null) return typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString();
  if (format !== 'commonjs') return undefined;
  return process.getBuiltinModule('node:fs').readFileSync(new URL(url), 'utf8');
}

function followers(): Set<PatchFound> {
  const known = holder[PATCHES];
  if (known !== undefined) return known;
  const value = new Set<PatchFound>();
  Object.defineProperty(globalThis, PATCHES, { value, configurable: true, enumerable: false });
  return value;
}

function find(folder: string, entry: PatchedPackage | undefined, path: string): Found | undefined {
  const file = entry?.files.find((one) => one.file === path);
  if (entry === undefined || file === undefined) return undefined;
  return isInRange(versionIn(folder), entry.versions) ? { module: entry.module, file } : undefined;
}

/** The version of the package in a folder, given as a URL. Throws where it cannot be read. */
export function versionIn(folder: string): string {
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const { version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version?: unknown };
  return String(version);
}

function lineFor({ module, file: { file, bindings } }: Found, text: string, isModule: boolean): string {
  const accessors = bindings.map((name) => {
    const local = localName(text, name);
    return `get ${name}(){return ${local}},set ${name}(v){${local}=v}`;
  });
  const [binding] = bindings;
  /* Of CommonJS a binding may be a constant, and what it was when it was exported. */
  const isExported =
    isModule || bindings.length > 1 ? '' : `typeof ${binding}!="undefined"&&module.exports===${binding}?module:`;
  const declared = binding === undefined ? 'module' : `${isExported}{${accessors.join()}}`;
  return `try{for(const f of globalThis[Symbol.for("gridwatch.patches")])f("${module}","${file}",${declared})}catch{}`;
}

/** What a module calls that which it exports under this name: those that were minified have names of their own. */
function localName(text: string, name: string): string {
  return new RegExp(`[{,]\\s*([\\w$]+) as ${name}\\s*[,}]`).exec(text.slice(text.lastIndexOf('export{')))?.[1] ?? name;
}
