/**
 * Follows the packages that are patched as they are loaded, by `require` or `import`: one line is added at the end of each of their files, which hands what the
 * file declares to its patch. So a module keeps its URL, its namespace, its lines and the time at which it runs; and the patches are loaded with the first one.
 *
 * Runs on application threads, as part of the preload. It must cost other modules next to nothing (one look at their URL), and never break a package: where a
 * file is not as expected, the line changes nothing.
 */
import type { LoadFnOutput, RegisterHooksOptions } from 'node:module';
import { callModule } from '../builtin-exports.ts';
import { isInRange, type PatchedFeature, type PatchedFile } from './patched-package.ts';
import { PATCHED_PACKAGES } from './patched-packages.ts';

/** Where the line finds whom to call. */
const PATCHES = Symbol.for('gridwatch.patches');

const API_FOLDER = '/node_modules/@opentelemetry/api/';

/** What a file declares: `module` of CommonJS, or an object whose properties are the file's bindings. */
export type Declared = Record<string, unknown>;

/** Patches what a file of a package declares. `file` is as the table has it. */
export type PatchPackage = (feature: PatchedFeature, module: string, file: string, declared: Declared) => void;

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

/** Begins to follow the packages of these features; gives back what ends it. `patch` is called when the file has run, before who loads it goes on. */
export function followPackages(
  features: ReadonlySet<PatchedFeature>,
  patch: PatchPackage,
  { sawApi, sawModule }: LoadListeners = {},
): () => void {
  const followed = PATCHED_PACKAGES.filter(({ feature }) => features.has(feature));
  if (followed.length === 0 && sawApi === undefined && sawModule === undefined) return () => {};
  const names = followed.map(({ module }) => module).join('|');
  const apis = new Set<string>();
  const inPackage = new RegExp(`^(file:.*/node_modules/(${names})/)([^?#]*)$`);
  const value: PatchFound = (module, file, declared) => {
    try {
      const entry = followed.find((one) => one.module === module);
      if (entry !== undefined) patch(entry.feature, module, file, declared);
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
      return match === null || loaded.source == null ? loaded : withLine(loaded, match, value);
    },
  };
  const hooks = callModule('registerHooks', options) as { deregister(): void };
  return () => hooks.deregister();
}

function withLine(
  loaded: LoadFnOutput,
  [, folder = '', module = '', path = '']: RegExpExecArray,
  value: PatchFound,
): LoadFnOutput {
  try {
    const found = find(folder, module, path);
    const isModule = loaded.format === 'module';
    if (found === undefined || (isModule && found.file.bindings.length === 0)) return loaded;
    Object.defineProperty(globalThis, PATCHES, { value, configurable: true, enumerable: false });
    const { source } = loaded;
    const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString();
    return { ...loaded, source: `${text}\n;${lineFor(found, text)}` };
  } catch {
    return loaded;
  }
}

function find(folder: string, module: string, path: string): Found | undefined {
  const entry = PATCHED_PACKAGES.find((one) => one.module === module);
  const file = entry?.files.find((one) => one.file === path);
  if (entry === undefined || file === undefined) return undefined;
  return isInRange(versionIn(folder), entry.versions) ? { module, file } : undefined;
}

/** The version of the package in a folder, given as a URL. Throws where it cannot be read. */
export function versionIn(folder: string): string {
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const { version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version?: unknown };
  return String(version);
}

function lineFor({ module, file: { file, bindings } }: Found, text: string): string {
  const accessors = bindings.map((name) => {
    const local = localName(text, name);
    return `get ${name}(){return ${local}},set ${name}(v){${local}=v}`;
  });
  const declared = bindings.length === 0 ? 'module' : `{${accessors.join()}}`;
  return `try{globalThis[Symbol.for("gridwatch.patches")]("${module}","${file}",${declared})}catch{}`;
}

/** What a module calls that which it exports under this name: those that were minified have names of their own. */
function localName(text: string, name: string): string {
  return new RegExp(`[{,]\\s*([\\w$]+) as ${name}\\s*[,}]`).exec(text.slice(text.lastIndexOf('export{')))?.[1] ?? name;
}
