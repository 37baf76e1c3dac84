/**
 * Where this package's own files are. Runs on every thread.
 *
 * `tsc` does not rewrite `new URL('./x.ts', import.meta.url)`, and the build joins modules of several folders into files at the top of dist/; so
 * only this file, which stands at the top in both, may resolve anything against `import.meta.url`.
 */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** The URL of one of our modules, named without extension and relative to agent/ (in the package: dist/). */
export function moduleUrl(name: string): URL {
  return new URL(`${name}${EXTENSION}`, import.meta.url);
}

/** The URL of a file beside our modules that is copied as it is. */
export function fileUrl(name: string): URL {
  return new URL(name, import.meta.url);
}
