/** The files of `collector-config/`, held against the programs that read them: each program's own check, with the defaults a user has. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { composeEnvironment } from '../support/backends.ts';
import { binariesFor } from './binaries.ts';

const execute = promisify(execFile);
const CONFIG = fileURLToPath(new URL('../../collector-config/', import.meta.url));

/** Rejects with what the program says is wrong. */
async function check(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { PATH = '' } = process.env;
  const { stdout, stderr } = await execute(file, args, { cwd: CONFIG, env: { PATH, ...env } });
  return stdout + stderr;
}

it('collector.yaml is one the Collector takes', async (context) => {
  const { otelcol } = binariesFor(context);
  expect(await check(otelcol, ['validate', '--config', 'collector.yaml'])).toBe('');
});

const RESOLVERS = [
  '{static: {hostnames: ["10.0.0.1:4317", "10.0.0.2:4317"]}}',
  '{dns: {hostname: tier2.internal, port: "4317"}}',
  '{k8s: {service: tier2.observability, ports: [4317]}}',
];

it('gateway/tier1.yaml is one the Collector takes, with each way to find the second tier', async (context) => {
  const { otelcol } = binariesFor(context);
  const args = ['validate', '--config', 'collector.yaml', '--config', 'gateway/tier1.yaml'];
  const comment = readFileSync(join(CONFIG, 'gateway', 'tier1.yaml'), 'utf8');
  for (const resolver of RESOLVERS) {
    expect(await check(otelcol, args, { GATEWAY_TIER2: resolver })).toBe('');
    expect(comment).toContain(resolver.replaceAll(/"(10[^"]*)"/g, '$1'));
  }
  await expect(check(otelcol, args)).rejects.toThrow('no resolvers specified');
});

it('the other files of gateway/ are ones the Collector takes', async (context) => {
  const { otelcol } = binariesFor(context);
  const files = readdirSync(join(CONFIG, 'gateway')).filter((file) => file !== 'tier1.yaml');
  expect(files).toEqual(['host.yaml', 'tier2.yaml']);
  for (const file of files) {
    const args = ['validate', '--config', 'collector.yaml', '--config', join('gateway', file)];
    expect(await check(otelcol, args, { GATEWAY_ENDPOINT: 'gateway:4317', HOSTNAME: 'tier2-0' })).toBe('');
  }
});

it('jaeger.yaml is one Jaeger takes', async (context) => {
  const { jaeger } = binariesFor(context);
  expect(await check(jaeger, ['validate', '--config', 'jaeger.yaml'])).not.toMatch(/error|warn/i);
});

it('prometheus.yml is one Prometheus takes', async (context) => {
  const { promtool } = binariesFor(context);
  expect(await check(promtool, ['check', 'config', 'prometheus.yml'])).toContain('SUCCESS');
});

it('each file of rules is one Prometheus takes', async (context) => {
  const { promtool } = binariesFor(context);
  const files = readdirSync(join(CONFIG, 'rules')).map((file) => join('rules', file));
  expect(files).not.toEqual([]);
  expect(await check(promtool, ['check', 'rules', ...files])).toMatch(/SUCCESS: \d+ rules found/);
});

it('alertmanager.yaml is one Alertmanager takes', async (context) => {
  const { amtool } = binariesFor(context);
  expect(await check(amtool, ['check-config', 'alertmanager.yaml'])).toMatch(/SUCCESS[^]*- 2 receivers/);
});

it('alertmanager.yaml pages for a deadlock, and writes a ticket for anything else', async (context) => {
  const { amtool } = binariesFor(context);
  const receiverOf = async (...labels: readonly string[]): Promise<string | undefined> =>
    (await check(amtool, ['config', 'routes', 'test', '--config.file=alertmanager.yaml', ...labels])).split('\n')[0];
  expect(await receiverOf('alertname=GridwatchDeadlock', 'severity=page', 'job=shop')).toBe('pages');
  expect(await receiverOf('alertname=GridwatchLockContended', 'severity=warning', 'job=shop')).toBe('tickets');
});

it('docker-compose.yaml is one Compose takes', async (context) => {
  const { 'docker-compose': compose } = binariesFor(context);
  const args = ['-f', 'docker-compose.yaml', 'config', '--services'];
  const services = (await check(compose, args, composeEnvironment(compose))).trimEnd().split('\n');
  expect(services.toSorted()).toEqual(['alertmanager', 'collector', 'grafana', 'jaeger', 'prometheus', 'shop']);
});
