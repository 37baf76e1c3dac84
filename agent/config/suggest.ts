/**
 * "Did you mean": the known name nearest to an unknown one. Called by `resolveConfig`, on whichever thread starts the
 * agent, and only once something is wrong; it must never suggest a name that has little in common with the one given.
 */

/** Longer than any name of ours, so that a hostile one costs nothing. */
const MAX_NAME_CHARS = 64;

/** The nearest candidate, or `undefined` if none shares at least two thirds of its letters with `name`. */
export function suggestName(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_NAME_CHARS) return undefined;
  const wanted = lettersOf(name);
  let nearest: string | undefined;
  let nearestEdits = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(wanted, lettersOf(candidate));
    if (edits < nearestEdits) {
      nearest = candidate;
      nearestEdits = edits;
    }
  }
  return nearest;
}

/** `GRIDWATCH_MAX_CPU`, `max_cpu` and `maxCpu` have the same letters. */
function lettersOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/^gridwatch_/, '')
    .replaceAll('_', '');
}

/** Levenshtein's distance, a row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
