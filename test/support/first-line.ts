/**
 * The first line a child writes to its standard output: what a test's program has to say of itself. Runs in a test's own process. To be called right after
 * the child was started; rejects when the child ends without one.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the child has no standard output to read');
  const lines = createInterface({ input: stdout });
  const ended = once(lines, 'close').then(() => {
    throw new Error('the child ended without a line');
  });
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  // Not closed: that would pause the stream for whoever else reads it.
  ended.catch(() => {});
  return line;
}
