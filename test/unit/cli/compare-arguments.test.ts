/** How `gridwatch compare` reads its arguments, and what it says to those it does not take. */
import { describe, expect, it } from 'vitest';
import { readCompareArguments } from '../../../agent/cli/compare-arguments.ts';

function read(line: string): ReturnType<typeof readCompareArguments> {
  return readCompareArguments(line.split(' ').filter(Boolean));
}

describe('readCompareArguments', () => {
  it('takes both programs word for word', () => {
    expect(readCompareArguments(['--', 'a', '--rounds', 'x y', '--', '--vs', 'b', '--json', ''])).toEqual({
      kind: 'compare',
      commands: [
        ['a', '--rounds', 'x y', '--'],
        ['b', '--json', ''],
      ],
      rounds: 10,
      isJson: false,
      isInside: false,
    });
  });

  it.each(['--rounds 4 --json -- a --vs b', '--json --rounds=4 -- a --vs b'])('%s', (line) => {
    expect(read(line)).toMatchObject({ rounds: 4, isJson: true });
  });

  it('takes --inside for two Node programs', () => {
    expect(read('--inside -- node a.js --vs /usr/bin/node b.js')).toMatchObject({ isInside: true });
  });

  it.each(['-h', '--help', '--json --help'])('%s', (line) => {
    expect(read(line)).toEqual({ kind: 'help' });
  });

  it.each([
    ['', /no programs to compare\. For example: gridwatch compare -- /],
    ['--json', /no programs to compare/],
    ['a --vs b', /put "--" before the programs/],
    ['-- a b', /"--vs" is missing between the two programs/],
    ['-- --vs b', /no program before "--vs"/],
    ['-- a --vs', /no program behind "--vs"/],
    ['-- a --vs b --vs c', /more than one "--vs"/],
    ['--rounds 2 -- a --vs b', /--rounds 2: expected a whole number from 3 to 1000; without it there are 10/],
    ['--rounds 1001 -- a --vs b', /--rounds 1001: expected/],
    ['--rounds 4.5 -- a --vs b', /--rounds 4\.5: expected/],
    ['--rounds -- a --vs b', /--rounds --: expected/],
    ['--rounds', /--rounds : expected/],
    ['--inside -- node a.js --vs python3 b.py', /--inside loads the agent into Node programs, and "python3" is none/],
    ['--round=4 -- a --vs b', /--round=4 is no option of "gridwatch compare"/],
  ])('refuses %j', (line, reason) => {
    expect(read(line)).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) });
  });
});
