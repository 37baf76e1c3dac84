/** A main thread that does not come back to its event loop: the collector is told while it lasts, and where it is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startObserved } from '../support/observe.ts';

const SUBJECT = fileURLToPath(new URL('../fixtures/sources/stuck.cjs', import.meta.url));
const DEADLINE_MS = 170_000;

it('is shown with its stack, and goes on afterwards', { timeout: DEADLINE_MS }, async ({ onTestFinished }) => {
  const folder = mkdtempSync(join(tmpdir(), 'gridwatch-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const env = { GRIDWATCH_STACKS: 'all', GRIDWATCH_LOG: 'off' };
  await using program = await startObserved({ args: [SUBJECT, join(folder, 'over')], env, deadlineMs: DEADLINE_MS });
  const span = await eventually(
    'the turn that goes on',
    () => program.observed.spans.find(({ attributes }) => attributes['gridwatch.eventloop.ongoing'] === true),
    { deadlineMs: DEADLINE_MS },
  );
  writeFileSync(join(folder, 'over'), '');
  const { 'code.stacktrace': stack, ...attributes } = span.attributes;
  if (typeof stack !== 'string') throw new TypeError('there is no stack');
  const frames = [...stack.matchAll(/at (\w+) \(test\/fixtures\/sources\/stuck\.cjs:\d+:\d+\)/g)];
  expect(frames.map(([, name]) => name).slice(0, 2)).toEqual(['grind', 'handleOrder']);
  expect(stack).not.toContain(process.cwd());
  expect(span.name).toBe('eventloop.blocked');
  expect(attributes).toMatchObject({
    'thread.name': 'main',
    'code.function.name': 'grind',
    'code.file.path': 'test/fixtures/sources/stuck.cjs',
  });
  const { stdout, exitCode } = await program.running.ended;
  expect({ stdout, exitCode }).toEqual({ stdout: 'done\n', exitCode: 0 });
});
