/** A main thread that never comes back to its event loop: the collector is told while it lasts, and where it is. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startObserved } from '../support/observe.ts';

const SUBJECT = fileURLToPath(new URL('../fixtures/sources/stuck.cjs', import.meta.url));
const DEADLINE_MS = 60_000;

it.each([
  ['all', ['grind', 'handleOrder']],
  ['off', []],
])('GRIDWATCH_STACKS=%s', async (stacks, functions) => {
  const env = { GRIDWATCH_STACKS: stacks, GRIDWATCH_LOG: 'off' };
  await using program = await startObserved({ args: [SUBJECT, '15000'], env, deadlineMs: DEADLINE_MS });
  const span = await eventually(
    'the turn that goes on',
    () =>
      program.observed.spans.find(
        ({ name, attributes }) => name === 'eventloop.blocked' && attributes['gridwatch.eventloop.ongoing'] === true,
      ),
    { deadlineMs: DEADLINE_MS },
  );
  const { 'code.stacktrace': stack = '', ...attributes } = span.attributes;
  const names = [...String(stack).matchAll(/at (\w+) \(test\/fixtures\/sources\/stuck\.cjs:\d+:\d+\)/g)];
  expect(names.map(([, name]) => name).slice(0, 2)).toEqual(functions);
  expect(String(stack)).not.toContain(process.cwd());
  expect(attributes).toMatchObject({
    'thread.name': 'main',
    ...(stacks === 'off' ? {} : { 'code.function.name': 'grind', 'code.file.path': 'test/fixtures/sources/stuck.cjs' }),
  });
  const { stdout, exitCode } = await program.running.ended;
  expect({ stdout, exitCode }).toEqual({ stdout: 'done\n', exitCode: 0 });
});
