/** The files of `collector-config/`, held against the programs that read them: each program's own check, with the defaults a user has. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { binariesFor } from './binaries.ts';

const execute = promisify(execFile);
const CONFIG = fileURLToPath(new URL('../../collector-config/', import.meta.url));

/** Rejects with what the program says is wrong. */
async function check(file: string, args: readonly string[]): Promise<string> {
  const { PATH = '' } = process.env;
  const { stdout, stderr } = await execute(file, args, { cwd: CONFIG, env: { PATH } });
  return stdout + stderr;
}

it('collector.yaml is one the Collector takes', async (context) => {
  const { otelcol } = binariesFor(context);
  expect(await check(otelcol, ['validate', '--config', 'collector.yaml'])).toBe('');
});

it('jaeger.yaml is one Jaeger takes', async (context) => {
  const { jaeger } = binariesFor(context);
  expect(await check(jaeger, ['validate', '--config', 'jaeger.yaml'])).not.toMatch(/error|warn/i);
});

it('prometheus.yml is one Prometheus takes', async (context) => {
  const { promtool } = binariesFor(context);
  expect(await check(promtool, ['check', 'config', 'prometheus.yml'])).toContain('SUCCESS');
});

it('docker-compose.yaml is one Compose takes', async ({ skip }) => {
  const isInstalled = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, COMPOSE)));
  skip(!isInstalled, `there is no ${COMPOSE}; the package of that name brings it`);
  expect(await check(COMPOSE, ['-f', 'docker-compose.yaml', 'config', '-q'])).toBe('');
});

const COMPOSE = 'docker-compose';
