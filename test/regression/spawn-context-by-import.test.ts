/**
 * With `--import` the first code of a worker was not part of the trace of `new Worker`: on Node 24 and later what a preload enters ends with its own course of execution.
 * Runs in a test process; the programs in processes of their own.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { observe } from '../support/observe.ts';
import { findTestedNodes } from '../support/tested-nodes.ts';

const PROGRAM = fileURLToPath(new URL('../fixtures/apps/context/first-code.mjs', import.meta.url));
const TRACE = 'a'.repeat(32);
const { present, missing } = await findTestedNodes();

describe.each(present)('Node $version', (node) => {
  test.each(['import', 'require'] as const)(
    'by --%s the first code of a worker is part of the trace',
    async (withAgent) => {
      const { result } = await observe({ args: [PROGRAM], node, withAgent, env: { GRIDWATCH_CONTEXT: 'on' } });
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      expect(JSON.parse(result.stdout)).toEqual({ inside: [TRACE, TRACE], outside: [null, null] });
    },
  );
});

describe.each(missing)('without a Node to test', ({ reason }) => {
  test('says why', ({ skip }) => skip(reason));
});
