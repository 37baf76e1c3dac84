/** The thread matcher against a table, against a plain recursive model, and against patterns made to be slow. */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createThreadMatcher } from '../../../agent/config/exclude.ts';

const LOGGER = '/app/node_modules/thread-stream/lib/worker.js';

describe('createThreadMatcher', () => {
  it.each<[pattern: string, name: string, file: string, isMatch: boolean]>([
    ['logger', 'logger', '', true],
    ['logger', 'logger-2', '', false],
    ['logger*', 'logger-2', '', true],
    ['logger-?', 'logger-2', '', true],
    ['logger-?', 'logger-', '', false],
    ['*', '', '', true],
    ['*', 'a/b', '', false],
    ['**', 'a/b', '', true],
    ['worker.js', '', LOGGER, true],
    ['*.js', '', LOGGER, true],
    ['lib/worker.js', '', LOGGER, true],
    ['ib/worker.js', '', LOGGER, false],
    ['thread-stream', '', LOGGER, false],
    ['thread-stream/**', '', LOGGER, true],
    ['thread-stream/*', '', LOGGER, false],
    ['node_modules/**/worker.js', '', LOGGER, true],
    ['thread-stream/**/lib/worker.js', '', LOGGER, true],
    ['**/lib/**/worker.js', '', LOGGER, true],
    ['/app/**', '', LOGGER, true],
    ['/node_modules/**', '', LOGGER, false],
    ['/app/**', '', 'file:///app/my%20worker.js', true],
    ['my worker.js', '', 'file:///app/my%20worker.js', true],
    ['%zz.js', '', 'file:///app/%zz.js', true],
    ['C:\\app\\*.js', '', 'C:\\app\\w.js', true],
    ['C:/app/*.js', '', 'file:///C:/app/w.js', true],
    ['app/w.js', '', 'C:\\app\\w.js', true],
    ['w.js', '', 'w.js', true],
    ['a.c', '', '/abc', false],
    ['[ab](+)^$|', '[ab](+)^$|', '', true],
    ['worker-\u{1f9f5}', 'worker-\u{1f9f5}', '', true],
    ['worker-?', 'worker-\u{1f9f5}', '', true],
    ['Logger', 'logger', '', false],
  ])('%j against name %j and file %j: %j', (pattern, name, file, isMatch) => {
    expect(createThreadMatcher([pattern])(name, file)).toBe(isMatch);
  });

  it('matches when any of its patterns does, and never without patterns', () => {
    expect(createThreadMatcher(['a', 'b'])('b', '')).toBe(true);
    expect(createThreadMatcher([])('', '')).toBe(false);
    expect(createThreadMatcher(['**'])('', '')).toBe(true);
  });

  it('agrees with a model that tries every way', () => {
    const letters = fc.constantFrom('a', 'b', '/', '?', '*', '**', '**/');
    const text = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 }).map((chars) => chars.join(''));
    const pattern = fc.array(letters, { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, text, (glob, name) => {
        expect(createThreadMatcher([glob])(name, '')).toBe(modelMatches(glob, name, true));
      }),
      { numRuns: 3000 },
    );
  });

  it('takes no time over patterns that backtrack elsewhere', () => {
    const matcher = createThreadMatcher([`${'*a'.repeat(30)}b`, `${'**/a*'.repeat(30)}b`]);
    const startedMs = performance.now();
    expect(matcher('a'.repeat(3000), `/${'a/'.repeat(1000)}`)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });
});

/** The definition, as a recursion: `isAtPart` says that a part of the path begins here. */
function modelMatches(glob: string, text: string, isAtPart: boolean): boolean {
  const run = /^\*\*+(\/?)/.exec(glob);
  const [char = ''] = text;
  const rest = text.slice(1);
  if (run) {
    const after = glob.slice(run[0].length);
    const mayEnd = run[1] === '' || isAtPart;
    return (mayEnd && modelMatches(after, text, isAtPart)) || (text !== '' && modelMatches(glob, rest, char === '/'));
  }
  if (glob === '') return text === '';
  if (glob[0] === '*') {
    if (modelMatches(glob.slice(1), text, isAtPart)) return true;
    return text !== '' && char !== '/' && modelMatches(glob, rest, false);
  }
  if (text === '' || (glob[0] === '?' ? char === '/' : char !== glob[0])) return false;
  return modelMatches(glob.slice(1), rest, char === '/');
}
