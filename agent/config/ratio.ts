/**
 * Which instances of a fleet run the agent (`GRIDWATCH_ENABLE_RATIO`): a fixed share of them, each on its side for its whole life.
 *
 * Runs on the main thread, before the program; and in the process of `gridwatch doctor`. It must depend on nothing but host and pid, so that whoever
 * asks gets the same answer, and an instance that is in at some share is in at every greater one.
 */
export function isInRatio(ratio: number, host: string, pid: number): boolean {
  return shareOf(`${host}:${pid}`) < ratio;
}

/** A number in [0, 1) for a text: FNV-1a, and because its high bits hardly notice the last characters, the finalizer of MurmurHash3. */
function shareOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
