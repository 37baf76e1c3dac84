/** What makes two runs of a program equal, and what does not. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { outcomeOf } from './outcome.ts';
import type { RunResult } from './run-node.ts';

const AGENT = fileURLToPath(new URL('../../agent/', import.meta.url));

function ended(stderr: string, more: Partial<RunResult> = {}): RunResult {
  return { stdout: 'out', stderr, exitCode: 1, signal: null, isPastDeadline: false, durationMs: 1, ...more };
}

describe('outcomeOf', () => {
  it('keeps what a shell sees', () => {
    expect(outcomeOf(ended('err\n'))).toEqual({ stdout: 'out', stderr: 'err\n', exitCode: 1, signal: null });
    expect(outcomeOf(ended('', { exitCode: null, signal: 'SIGTERM' }))).toMatchObject({
      exitCode: null,
      signal: 'SIGTERM',
    });
  });

  it.each([
    ['(node:17) Warning', '(node:18) Warning'],
    ['ws://127.0.0.1:1/a-1', 'ws://127.0.0.1:22/b-2'],
    ['# duration_ms 1.5', '# duration_ms 17'],
    ['passes (0.5ms)', 'passes (1.25ms)'],
    ['ok 1 # time=3.5ms', 'ok 1 # time=12ms'],
  ])('takes %j and %j for the same', (one, other) => {
    expect(outcomeOf(ended(one))).toEqual(outcomeOf(ended(other)));
  });

  it('forgives one frame of the agent in a place, and not two', () => {
    const [before, after, frame] = [
      '    at a (/app.js:1:1)\n',
      '    at b (/app.js:2:2)',
      `    at x (file://${AGENT}x.ts:1:1)\n`,
    ];
    expect(outcomeOf(ended(before + frame + after)).stderr).toBe(before + after);
    expect(outcomeOf(ended(before + frame + frame + after)).stderr).toBe(before + frame + after);
    expect(outcomeOf(ended(`${AGENT}x.ts\n`)).stderr).toBe(`${AGENT}x.ts\n`);
  });

  it('is none for a program that did not end', () => {
    expect(() => outcomeOf(ended('stuck', { isPastDeadline: true, durationMs: 30_000 }))).toThrow(
      'still running after 30000 ms: outstuck',
    );
  });
});
