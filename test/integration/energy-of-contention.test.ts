/** What `examples/energy-of-contention` is asked on its command line: an answer comes at once, and its minutes are not spent on a word that it does not know. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../examples/energy-of-contention/main.js', import.meta.url));

it.each([
  { args: ['--help'], status: 0, says: /main\.js \[--quick\]/ },
  { args: ['--quik'], status: 1, says: /Unknown option '--quik'/ },
])('answers $args at once', ({ args, status, says }) => {
  const run = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', timeout: 100_000 });
  expect(run.status).toBe(status);
  expect(run.stdout + run.stderr).toMatch(says);
});
