/** What a person is told of a program that is observed or compared. */
import { expect, it } from 'vitest';
import { shownCommand } from '../../../agent/cli/outside-program.ts';

it('shows a command of many lines in one, and no word run into the next', () => {
  expect(shownCommand(['python3', '-c', 'import time\ntime.sleep(1)\n\tprint()'], 80)).toBe(
    'python3 -c import time time.sleep(1) print()',
  );
  expect(shownCommand(['a\u001b[31m', 'b'.repeat(20)], 10)).toBe('a bbbbbbb…');
});
