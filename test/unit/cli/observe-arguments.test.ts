/** How `gridwatch observe` reads its arguments, and what it says to those it does not take. */
import { describe, expect, it } from 'vitest';
import { readObserveArguments } from '../../../agent/cli/observe-arguments.ts';

function read(line: string): ReturnType<typeof readObserveArguments> {
  return readObserveArguments(line.split(' ').filter(Boolean));
}

describe('readObserveArguments', () => {
  it('takes what stands behind -- word for word', () => {
    expect(readObserveArguments(['--', 'python3', '-c', 'a b', '--', '--pid', ''])).toEqual({
      kind: 'command',
      command: ['python3', '-c', 'a b', '--', '--pid', ''],
    });
  });

  it.each(['--pid 4711', '--pid=4711'])('%s', (line) => {
    expect(read(line)).toEqual({ kind: 'pid', pid: 4711 });
  });

  it.each(['-h', '--help'])('%s', (line) => {
    expect(read(line)).toEqual({ kind: 'help' });
  });

  it.each([
    ['', /no program to observe\. For example: gridwatch observe -- /],
    ['--', /no program behind "--"/],
    ['python3 app.py', /put "--" before the program: gridwatch observe -- python3 app\.py/],
    ['--pid', /--pid needs the number of a process/],
    ['--pid x', /--pid x: expected the number of a process, a whole number from 1 to 4194304/],
    ['--pid 0', /--pid 0: expected/],
    ['--pid -5', /--pid -5: expected/],
    ['--pid 4194305', /--pid 4194305: expected/],
    ['--pid 1.5', /--pid 1\.5: expected/],
    ['--pid 5 6', /"6" is one argument too many/],
    ['--ui -- x', /--ui is no option of "gridwatch observe"/],
  ])('refuses %j', (line, reason) => {
    expect(read(line)).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) });
  });

  it('refuses a program without a name', () => {
    expect(readObserveArguments(['--', ''])).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('empty'),
    });
  });
});
