/**
 * The path of a file, whichever way Node, V8 or the program writes it: to be compared with others, and as it may leave the process.
 *
 * Runs on any thread. A path is the program's to choose (a URL with a token, source text in a `data:` URL, a user's home folder), so nothing of it may
 * get out but what tells one file of the program from another: the path below the working folder, that below the last node_modules, or its last parts.
 */

/** Paths are cut beyond: they are names of series and attributes. */
const MAX_CHARS = 256;
/** A folder this near the root, `/home/alice` or `C:\Users\alice`, may be a person's. */
const MIN_FOLDER_LEVEL = 3;

/** A path with slashes between its parts, decoded and without scheme if it was a `file:` URL. */
export function plainPath(file: string): string {
  if (!file.startsWith('file://')) return file.replaceAll('\\', '/');
  const path = withoutQuery(file.slice('file://'.length)).replace(/^\/(?=[a-z]:\/)/i, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Begins at a root: `/srv`, `C:/srv`. To be asked of a path with slashes. */
export function isRooted(path: string): boolean {
  return path.startsWith('/') || /^[a-z]:\//i.test(path);
}

/**
 * What of a file's path may leave the process: never an absolute path, a query, or a URL's host and credentials. `folder` is the working folder.
 *
 * @example
 * shownPath('/srv/shop/lib/lock.js', '/srv/shop'); // 'lib/lock.js'
 */
export function shownPath(file: string, folder: string): string {
  const path = plainPath(file);
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]+):(.*)$/is.exec(path) ?? [];
  if (scheme === 'node') return cut(path);
  if (scheme !== undefined) return cut(ofUrl(scheme, rest));
  const root = plainPath(folder).replace(/\/+$/, '');
  const parts = partsOf(isRooted(path) ? path : `${root}/${path}`);
  const rootParts = partsOf(root);
  const isBelow = rootParts.length > 0 && rootParts.every((part, at) => isSame(part, parts[at], at));
  return cut(isBelow ? parts.slice(rootParts.length).join('/') : ofElsewhere(parts));
}

/** Bundlers name their modules by URLs; of those without an authority, as `data:`, the rest is contents. */
function ofUrl(scheme: string, rest: string): string {
  const path = /^\/\/[^/]*(\/.*)$/s.exec(withoutQuery(rest))?.[1];
  return path === undefined ? `${scheme}:` : lastParts(partsOf(path));
}

function ofElsewhere(parts: readonly string[]): string {
  const library = parts.lastIndexOf('node_modules');
  if (library >= 0 && library < parts.length - 1) return parts.slice(library + 1).join('/');
  const drive = parts[0]?.endsWith(':') ? 1 : 0;
  return parts.length - drive > MIN_FOLDER_LEVEL ? lastParts(parts) : (parts.at(-1) ?? '');
}

function lastParts(parts: readonly string[]): string {
  return parts.slice(-2).join('/');
}

/** The parts of a path, with `.` and `..` resolved. */
function partsOf(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

/** A drive's letter may be written either way. */
function isSame(part: string, other: string | undefined, at: number): boolean {
  return part === other || (at === 0 && part.endsWith(':') && part.toLowerCase() === other?.toLowerCase());
}

function withoutQuery(text: string): string {
  return text.replace(/[?#].*$/s, '');
}

function cut(path: string): string {
  return path.length <= MAX_CHARS ? path : `…${path.slice(-MAX_CHARS + 1)}`;
}
