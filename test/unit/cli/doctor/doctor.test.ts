/** What `gridwatch doctor` makes of a machine, an environment and an installation. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkConfiguration, preloadsOf } from '../../../../agent/cli/doctor/configuration.ts';
import { checkInstallation } from '../../../../agent/cli/doctor/installation.ts';
import { checkMachine } from '../../../../agent/cli/doctor/machine.ts';
import { checkOtelVariables } from '../../../../agent/cli/doctor/otel-variables.ts';
import type { Check } from '../../../../agent/cli/doctor.ts';
import { registerFile } from '../../../../agent/cli/path.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwatch-doctor-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

function levels(checks: readonly Check[]): string[] {
  return checks.map(({ level }) => level);
}

describe('the machine', () => {
  const look = (): Check[] =>
    checkMachine({ procRoot: join(folder, 'proc'), sysRoot: join(folder, 'sys'), platform: 'linux' });

  it('is fine where the kernel tells all', () => {
    write({
      'proc/thread-self/schedstat': '5 6 7\n',
      'proc/thread-self/syscall': 'running\n',
      'proc/self/cgroup': '0::/\n',
    });
    expect(levels(look())).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('is short of something where a sandbox leaves files out', () => {
    write({ 'proc/thread-self/schedstat': '0 0 0\n', 'proc/thread-self/stat': '1 (x) R' });
    const [, schedule, kernelState] = look();
    expect(schedule).toMatchObject({ level: 'problem', found: expect.stringContaining('in steps of 10 ms only') });
    expect(kernelState).toMatchObject({
      level: 'problem',
      found: expect.stringContaining('syscall cannot be read (ENOENT)'),
    });
  });

  it('warns of a quota below one CPU, wherever above the group it is set', () => {
    write({
      'proc/self/cgroup': '0::/a/b\n',
      'sys/fs/cgroup/a/cpu.max': '50000 100000\n',
      'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
    });
    expect(look().at(-1)).toMatchObject({ level: 'note', found: expect.stringContaining('a quota of 0.5') });
  });

  it('says what other platforms lack', () => {
    const checks = checkMachine({ platform: 'darwin', procRoot: join(folder, 'nowhere') });
    expect(levels(checks)).toEqual(['ok', 'note', 'note', 'note', 'note', 'ok']);
    for (const { level, remedy } of checks) expect(remedy === '').toBe(level === 'ok');
  });

  it('says what a kernel with cgroup v1 lacks', () => {
    write({ 'proc/self/cgroup': '12:memory:/docker/0\n1:name=systemd:/\n' });
    expect(look().at(-2)).toMatchObject({ level: 'note', found: expect.stringContaining('cgroup v1') });
  });

  it('knows the quota of cgroup v1, and says what it does not know where v1 has kept the memory', () => {
    write({
      'proc/self/cgroup': '4:memory:/docker/0\n1:cpu,cpuacct:/docker/0\n0::/\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '50000\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    });
    const [group, cpus] = look().slice(-2);
    expect(group).toMatchObject({ level: 'note', found: expect.stringMatching(/^Memory limit and pressure/) });
    expect(cpus).toMatchObject({ level: 'note', found: expect.stringContaining('with a quota of 0.5 (cgroup)') });
  });
});

describe('the configuration', () => {
  it('is fine when it is empty, and every fault is a problem', () => {
    expect(levels(checkConfiguration({}))).toEqual(['ok']);
    expect(levels(checkConfiguration({ GRIDWATCH_MAX_CPU: '9', GRIDWATCH_LOGG: 'x' }))).toEqual(['problem', 'problem']);
  });

  it('says what switches everything off', () => {
    expect(levels(checkConfiguration({ GRIDWATCH_ENABLED: 'false', OTEL_SDK_DISABLED: 'TRUE' }))).toEqual([
      'ok',
      'note',
      'note',
    ]);
  });

  it('knows the trap of a bare name in NODE_OPTIONS', () => {
    const preload = (nodeOptions: string): Check | undefined =>
      checkConfiguration({ NODE_OPTIONS: nodeOptions }).at(-1);
    expect(preload('--require gridwatch/register')).toMatchObject({
      level: 'problem',
      remedy: expect.stringContaining(registerFile()),
    });
    expect(preload('--import=./node_modules/gridwatch/dist/register.cjs')?.level).toBe('problem');
    expect(preload('-r /nowhere/gridwatch/register.cjs')).toMatchObject({
      level: 'problem',
      found: expect.stringContaining('does not exist'),
    });
    write({ 'a b/gridwatch/register.cjs': '' });
    expect(preload(`--require "${folder}/a b/gridwatch/register.cjs"`)).toMatchObject({
      level: 'ok',
      found: expect.stringContaining('a b'),
    });
    expect(levels(checkConfiguration({ NODE_OPTIONS: '--require dotenv/config --max-old-space-size=100' }))).toEqual([
      'ok',
    ]);
  });

  it('reads NODE_OPTIONS as Node does', () => {
    expect(preloadsOf('-r a --require=b --import "c d" --title "-r x" --require "e\\"f"')).toEqual([
      'a',
      'b',
      'c d',
      'e"f',
    ]);
  });
});

describe("OpenTelemetry's own variables", () => {
  it.each([
    ['OTEL_METRICS_EXPORTER', 'prometheus, otlp', 'otpl'],
    ['OTEL_TRACES_EXPORTER', 'none', 'prometheus'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json', 'http'],
    ['OTEL_EXPORTER_OTLP_LOGS_PROTOCOL', 'grpc', 'grpcs'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '500', '-4'],
    ['OTEL_METRIC_EXPORT_INTERVAL', '1000', '1s'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'gzip', 'zstd'],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'LowMemory', 'deltas'],
    ['OTEL_SDK_DISABLED', 'True', 'yes'],
  ])('%s may be "%s", not "%s"', (name, good, bad) => {
    expect(checkOtelVariables({ [name]: good })).toEqual([]);
    expect(checkOtelVariables({ [name]: ' ' })).toEqual([]);
    const [check, ...rest] = checkOtelVariables({ [name]: bad });
    expect(rest).toEqual([]);
    expect(check?.level).toBe('problem');
    expect(check?.found).toMatch(new RegExp(`^${name}: "${bad}" is not understood \\(expected .+\\)\\.$`));
  });

  it('may hold secrets, which are not repeated', () => {
    const name = 'OTEL_EXPORTER_OTLP_TRACES_HEADERS';
    expect(checkOtelVariables({ [name]: 'authorization=Bearer%20x, x-key=a=b' })).toEqual([]);
    const [check] = checkOtelVariables({ [name]: 'api key=s3cret' });
    expect(check?.found).toMatch(/^OTEL_EXPORTER_OTLP_TRACES_HEADERS: its value is not understood/);
    expect(JSON.stringify(check)).not.toContain('s3cret');
  });
});

describe('the installation', () => {
  const otel = (name: string, version: string, dependencies: Record<string, string> = {}): string =>
    JSON.stringify({ name: `@opentelemetry/${name}`, version, dependencies });
  const manifest = JSON.stringify({
    dependencies: { '@opentelemetry/api': '1.10.0', '@opentelemetry/sdk-node': '0.301.0', other: '1.0.0' },
  });
  const whole = {
    'package.json': manifest,
    'register.cjs': '',
    'node_modules/@opentelemetry/api/package.json': otel('api', '1.10.0'),
    'node_modules/@opentelemetry/sdk-node/package.json': otel('sdk-node', '0.301.0', {
      '@opentelemetry/core': '3.1.0',
    }),
    'node_modules/@opentelemetry/core/package.json': otel('core', '3.1.0', { '@opentelemetry/api': '1.10.0' }),
  };
  const look = (): Check[] => checkInstallation(folder, join(folder, 'register.cjs'));

  it('is fine when every package is there once', () => {
    write(whole);
    expect(look()).toEqual([
      { level: 'ok', found: 'OpenTelemetry is installed as tested: 3 packages, each once.', remedy: '' },
    ]);
  });

  it('is broken by another version, a second copy, or a missing file', () => {
    write({ ...whole, 'node_modules/@opentelemetry/api/package.json': otel('api', '1.9.0') });
    expect(look().map(({ found }) => found)).toEqual(['@opentelemetry/api 1.10.0 is needed, and 1.9.0 is installed.']);
    write({
      ...whole,
      'node_modules/@opentelemetry/sdk-node/node_modules/@opentelemetry/core/package.json': otel('core', '3.1.1', {
        '@opentelemetry/semconv': '1',
      }),
    });
    write({
      'node_modules/@opentelemetry/semconv/package.json': otel('semconv', '1', { '@opentelemetry/core': '3.1.0' }),
    });
    expect(look().map(({ found }) => found)).toEqual([
      expect.stringContaining('@opentelemetry/core is installed 2 times'),
    ]);
    rmSync(join(folder, 'register.cjs'));
    rmSync(join(folder, 'node_modules/@opentelemetry/sdk-node'), { recursive: true });
    expect(look().map(({ found }) => found)).toEqual([
      `${join(folder, 'register.cjs')} is missing.`,
      '@opentelemetry/sdk-node 0.301.0 is needed, and is not there.',
    ]);
  });
});
