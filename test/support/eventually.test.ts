/** eventually(): what it gives back, what it takes for "not yet", and what it says at its deadline. */
import { describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';

describe('eventually', () => {
  it('gives the first truthy answer', async () => {
    let asked = 0;
    await expect(eventually('a count', () => (++asked >= 3 ? asked : undefined), { intervalMs: 1 })).resolves.toBe(3);
  });

  it('asks an asynchronous check, and one that throws, again', async () => {
    let asked = 0;
    const check = async (): Promise<string> => {
      asked++;
      if (asked === 1) throw new Error('not yet');
      return asked < 3 ? '' : 'done';
    };
    await expect(eventually('a word', check, { intervalMs: 1 })).resolves.toBe('done');
  });

  it('asks at least once, whatever the deadline', async () => {
    await expect(eventually('a word', () => 'at once', { deadlineMs: 0 })).resolves.toBe('at once');
  });

  it('tells at the deadline what was last answered', async () => {
    const waiting = eventually('three workers', () => 0, { deadlineMs: 5, intervalMs: 1 });
    await expect(waiting).rejects.toThrow(/^waited for three workers: after \d+ ms and \d+ checks? it is still 0$/);
  });

  it('tells at the deadline what was last thrown, and keeps it as the cause', async () => {
    const cause = new Error('expected 1 to be 2');
    const check = (): never => {
      throw cause;
    };
    const waiting = eventually('equality', check, { deadlineMs: 5, intervalMs: 1 });
    await expect(waiting).rejects.toThrow(/^waited for equality: .* it still fails: expected 1 to be 2$/);
    await expect(waiting).rejects.toMatchObject({ cause });
  });

  it('does not wait for a check that never answers', async () => {
    const never = async (): Promise<string> => new Promise(() => {});
    const waiting = eventually('an answer', never, { deadlineMs: 5 });
    await expect(waiting).rejects.toThrow(/it still fails: the check did not answer$/);
  });
});
