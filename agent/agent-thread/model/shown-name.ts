/**
 * What the program calls a lock or a queue, as it leaves the process. Pure.
 *
 * Runs on the agent thread.
 */

const MAX_NAME_CHARS = 160;

/** A name on one line, without control and broken characters; `fallback` where there is none. */
export function shownName(rawName: string, fallback: string): string {
  const name = rawName
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, MAX_NAME_CHARS);
  return name === '' ? fallback : name;
}
