/**
 * With NODE_OPTIONS preloading the agent, the `gridwatch` command observed itself, and complained of a missing collector beneath `gridwatch path`.
 * Runs in a test process; the command in one of its own.
 */
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { buildAgent } from '../support/build-agent.ts';
import { runNode } from '../support/run-node.ts';

const file = (path: string): string => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

beforeAll(() => buildAgent());

test('the command does not observe itself', async () => {
  const env = { NODE_OPTIONS: `--require ${file('register.cjs')}`, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
  const { stdout, stderr, exitCode } = await runNode({ args: [file('cli/main.js'), 'path'], env });
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: `${file('register.cjs')}\n`, stderr: '', exitCode: 0 });
});
