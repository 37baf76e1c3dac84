/**
 * Decides which threads the agent stays out of (`GRIDWATCH_EXCLUDE_THREADS`). Runs on the thread that creates a worker,
 * once per worker; patterns and names are the user's, so it must never take more than pattern length times text length
 * steps: a glob is run as the small automaton it is, in all of its states at once, and never backtracks.
 *
 * In a glob `?` is one character but a slash, a star any run of such characters, two stars any characters at all, and two
 * stars with a slash after them any folders, or none.
 */
import { isRooted, plainPath } from '../file-path.ts';

/** Is this a thread to stay out of? `name` and `file` may be empty; `file` is a path or a `file:` URL. */
export type ThreadMatcher = (name: string, file: string) => boolean;

/**
 * Each pattern is held against the whole name, and against the file: against its last part, or as many parts as the
 * pattern has, or the whole path if the pattern begins at the root. Upper and lower case differ; in a file's path and a
 * pattern for one, a backslash is a slash.
 */
export function createThreadMatcher(patterns: readonly string[]): ThreadMatcher {
  if (patterns.length === 0) return () => false;
  const globs = patterns.map((pattern) => {
    const path = pattern.replaceAll('\\', '/');
    return { ofName: compile(pattern), ofFile: compile(isRooted(path) ? path : `**/${path}`) };
  });
  return (name, file) => {
    const path = plainPath(file);
    return globs.some(({ ofName, ofFile }) => matches(ofName, name) || (path !== '' && matches(ofFile, path)));
  };
}

const ANY = 0;
const ANY_FOLDERS = 1;
const ANY_IN_PART = 2;
const ONE_IN_PART = 3;

/** A wildcard, or the one character that stands for itself. */
type Step = typeof ANY | typeof ANY_FOLDERS | typeof ANY_IN_PART | typeof ONE_IN_PART | string;

function compile(pattern: string): readonly Step[] {
  const steps: Step[] = [];
  for (const [wildcard] of pattern.matchAll(/\*\*+\/|\*\*+|[^]/gu)) {
    if (wildcard === '*') steps.push(ANY_IN_PART);
    else if (wildcard === '?') steps.push(ONE_IN_PART);
    else if (!wildcard.startsWith('**')) steps.push(wildcard);
    else steps.push(wildcard.endsWith('/') ? ANY_FOLDERS : ANY);
  }
  return steps;
}

/** `live[k]` is 1 when the first k steps can stand for the text so far; each character makes the next row of the last. */
function matches(steps: readonly Step[], text: string): boolean {
  let live = new Uint8Array(steps.length + 1);
  let next = new Uint8Array(steps.length + 1);
  live[0] = 1;
  let lastChar = '/';
  skipEmpty(steps, live, lastChar);
  for (const char of text) {
    next.fill(0);
    for (let k = 0; k < steps.length; k++) {
      if (live[k] === 0) continue;
      const step = steps[k];
      if (step === ANY || step === ANY_FOLDERS || (step === ANY_IN_PART && char !== '/')) next[k] = 1;
      else if (step === char || (step === ONE_IN_PART && char !== '/')) next[k + 1] = 1;
    }
    lastChar = char;
    skipEmpty(steps, next, lastChar);
    [live, next] = [next, live];
  }
  return live[steps.length] === 1;
}

/** A run of characters may be over, or empty, anywhere; a run of folders only where a part begins. */
function skipEmpty(steps: readonly Step[], live: Uint8Array, lastChar: string): void {
  for (let k = 0; k < steps.length; k++) {
    const step = steps[k];
    if (live[k] === 0) continue;
    if (step === ANY || step === ANY_IN_PART || (step === ANY_FOLDERS && lastChar === '/')) live[k + 1] = 1;
  }
}
