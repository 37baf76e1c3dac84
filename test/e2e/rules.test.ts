/** The alerts of `collector-config/rules/`, firing and not, as Prometheus's own test of rules decides. Nothing is started. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { binariesFor } from './binaries.ts';

const execute = promisify(execFile);
const CASES = fileURLToPath(new URL('rules/', import.meta.url));

it.for(readdirSync(CASES))('each alert fires when it should and only then: %s', async (file, context) => {
  const { promtool } = binariesFor(context);
  const { stdout } = await execute(promtool, ['test', 'rules', file], { cwd: CASES });
  expect(stdout).toContain('SUCCESS');
});
