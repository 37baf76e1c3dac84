/** Errors of one copy of the package, seen from another. */

import { describe, expect, it } from 'vitest';
import { GridwatchError } from '../../agent/errors.ts';

describe('GridwatchError', () => {
  it('is an error with a code, a name and a cause', () => {
    const cause = new Error('below');
    const error = new GridwatchError('ERR_GRIDWATCH_LAYOUT', 'another version', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(`${error}`).toBe('GridwatchError: another version');
    expect([error.code, error.cause]).toEqual(['ERR_GRIDWATCH_LAYOUT', cause]);
  });

  it('is an instance of the class of another copy', async () => {
    const path = '../../agent/errors.ts?copy';
    const other = (await import(path)) as { GridwatchError: typeof GridwatchError };
    expect(other.GridwatchError).not.toBe(GridwatchError);
    expect(new other.GridwatchError('ERR_GRIDWATCH_LAYOUT', '')).toBeInstanceOf(GridwatchError);
  });

  it.each([null, undefined, 'x', {}, new Error('x'), { code: 'ERR_GRIDWATCH_LAYOUT' }])('is not %o', (value) => {
    expect(value instanceof GridwatchError).toBe(false);
  });
});
