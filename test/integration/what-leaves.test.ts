/**
 * What leaves the process, to the last byte: a program full of secrets runs with every feature on, and none of them is in a request or a line of the
 * agent's. Nor is a serial number, an address, or a path from the root. The README's table says what is there instead, and how to leave that out.
 */
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, networkInterfaces, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeOtlp, type OtlpAttributes, type OtlpBatch, type OtlpSignal } from '../../agent/cli/otlp-decode.ts';
import { BUILT_REGISTER_FILE } from '../support/observe.ts';
import { type RunResult, runNode } from '../support/run-node.ts';

const MARK = 'S3CR3T';
const PROGRAM = fileURLToPath(new URL('../fixtures/apps/secretive.cjs', import.meta.url));
const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Long enough for the whole inventory to be in the first export. */
const RUN_MS = '3000';

const EVERYTHING = {
  GRIDWATCH_NAMES: 'full',
  GRIDWATCH_STACKS: 'all',
  GRIDWATCH_INVENTORY: 'full',
  GRIDWATCH_HOST_METRICS: 'on',
  GRIDWATCH_GC_THRESHOLD_MS: '0',
  GRIDWATCH_LOOP_THRESHOLD_MS: '0',
  GRIDWATCH_ATOMICS_SITES: '*:*',
  OTEL_METRIC_EXPORT_INTERVAL: '500',
  OTEL_TRACES_SAMPLER: 'always_on',
};

let folder: string;
let app: string;
let server: Server;
let url: string;
let bodies: Buffer[] = [];
let batches: OtlpBatch[] = [];

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gridwatch-leaves-')));
  app = join(folder, `${MARK}-home`, 'app');
  mkdirSync(join(app, 'lib'), { recursive: true });
  mkdirSync(join(folder, `${MARK}-store`, 'node_modules', 'pool', 'lib'), { recursive: true });
  copyFileSync(PROGRAM, join(app, 'lib', 'main.cjs'));
  copyFileSync(PROGRAM, join(folder, `${MARK}-store`, 'node_modules', 'pool', 'lib', 'worker.cjs'));
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'secretive', description: MARK, token: MARK }));
  writeFileSync(join(app, 'control.json'), JSON.stringify({ password: MARK, gcThresholdMs: 1 }));
  server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const body = Buffer.concat(chunks);
      const plain = message.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      bodies.push(plain);
      const signal = message.url?.split('/').at(-1) as OtlpSignal;
      batches.push(decodeOtlp(signal, message.headers['content-type'] ?? '', plain));
      bodies.push(Buffer.from(JSON.stringify([message.url, message.headers])));
      response.writeHead(200).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function run(env: Record<string, string>): Promise<RunResult> {
  bodies = [];
  batches = [];
  const worker = join(folder, `${MARK}-store`, 'node_modules', 'pool', 'lib', 'worker.cjs');
  return runNode({
    args: ['--expose-gc', join(app, 'lib', 'main.cjs'), RUN_MS, `--password=${MARK}`, worker],
    cwd: app,
    withAgent: true,
    registerFile: BUILT_REGISTER_FILE,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      GRIDWATCH_LOG: 'text',
      GRIDWATCH_EXIT_TIMEOUT_MS: '20000',
      GRIDWATCH_CONTROL_FILE: join(app, 'control.json'),
      GRIDWATCH_PASSWORD: MARK,
      DATABASE_URL: `postgres://user:${MARK}@db/shop`,
      ...env,
    },
  });
}

/** Names that the README's table says, as `name` or `name.*`. */
function namesInReadme(): (name: string) => boolean {
  const [, section = ''] = readFileSync(new URL('../../README.md', import.meta.url), 'utf8').split(
    /^## What leaves the process$/m,
  );
  const [table = ''] = section.split(/^## /m);
  const names = Array.from(
    table.matchAll(/`([a-z][a-z0-9_.]*\.(?:\*|[a-z0-9_.]+)|gridwatch\.[a-z]+)`/g),
    ([, name = '']) => name,
  );
  return (name) => names.some((one) => one === name || (one.endsWith('.*') && name.startsWith(one.slice(0, -1))));
}

/** Names of attributes of all that was exported: of resources, spans, records and points. */
function attributeNames(): Set<string> {
  const names = new Set<string>();
  const add = (...all: readonly OtlpAttributes[]): void => {
    for (const attributes of all) for (const name of Object.keys(attributes)) names.add(name);
  };
  for (const { spans, metrics, logs } of batches) {
    for (const { resource, attributes } of [...spans, ...logs]) add(resource, attributes);
    for (const { resource, points } of metrics) add(resource, ...points.map(({ attributes }) => attributes));
  }
  return names;
}

/** A few characters on either side of each place where the text stands. */
function placesOf(text: string): string[] {
  const all = Buffer.concat(bodies).toString('latin1');
  const places: string[] = [];
  for (let at = all.indexOf(text); at >= 0 && places.length < 5; at = all.indexOf(text, at + 1))
    places.push(all.slice(Math.max(0, at - 60), at + text.length + 20));
  return places;
}

/** Those that stand nowhere. */
const missing = (texts: readonly string[]): string[] => texts.filter((text) => placesOf(text).length === 0);

/** Of a machine, what identifies it; too short a text stands anywhere. */
function identifiers(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const outward = addresses.filter(({ internal }) => !internal).flatMap(({ mac, address }) => [mac, address]);
  return [...outward, machineId(), userInfo().homedir].filter((text) => text.length > 6);
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}

describe('with everything on', () => {
  let result: RunResult;
  beforeAll(async () => {
    result = await run(EVERYTHING);
  });

  it('what was looked for would have been found', () => {
    expect(result).toMatchObject({ exitCode: 0 });
    expect(
      missing(['gridwatch.thread.state.time', 'worker.start named-worker', 'eventloop.blocked', 'secretive']),
    ).toEqual([]);
    expect(
      missing(['gridwatch.thread.failed', 'gridwatch.host.memory.size', 'system.cpu.time', 'os.description']),
    ).toEqual([]);
  });

  it('files are named below the working folder, below the last node_modules, or by their last parts', () => {
    expect(missing(['lib/main.cjs', 'pool/lib/worker.cjs', 'js/app.js', 'shop/plugin.js', 'data:'])).toEqual([]);
    expect(placesOf('node_modules')).toEqual([]);
  });

  it("every attribute is in the README's table", () => {
    const names = [...attributeNames()];
    const isTold = namesInReadme();
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !isTold(name))).toEqual([]);
  });

  it('no secret of the program is in what it exports', () => {
    expect(placesOf(MARK)).toEqual([]);
  });

  it('no path from the root is, nor what identifies the machine or its user', () => {
    for (const text of [folder, tmpdir(), process.execPath, ...identifiers()]) expect(placesOf(text)).toEqual([]);
    for (const name of ['host.mac', 'process.owner', 'process.command', 'process.executable.path'])
      expect(placesOf(name)).toEqual([]);
  });

  it('no secret is in the lines on stderr', () => {
    const lines = result.stderr.split('\n').filter((line) => line.startsWith('gridwatch:'));
    expect(lines.toSorted()).toEqual([
      'gridwatch: GRIDWATCH_PASSWORD is not a setting and is ignored',
      'gridwatch: the control file: from now on gcThresholdMs=1',
      'gridwatch: the control file: password is not a setting and is ignored',
    ]);
    expect(result.stderr).not.toContain(MARK);
  });
});

it('with the host left out, its name is', async () => {
  const { exitCode } = await run({ OTEL_NODE_RESOURCE_DETECTORS: 'env,process' });
  expect(exitCode).toBe(0);
  expect(placesOf('process.pid')).not.toEqual([]);
  for (const name of ['host.name', 'host.arch', 'host.cpu', 'gridwatch.host']) expect(placesOf(name)).toEqual([]);
  if (hostname().length > 6) expect(placesOf(hostname())).toEqual([]);
});

it('an endpoint that cannot be reached is named without its credentials', async () => {
  const { stderr } = await run({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://user:${MARK}@127.0.0.1:1/${MARK}?key=${MARK}`,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${MARK}`,
    OTEL_LOG_LEVEL: 'info',
  });
  expect(stderr).toContain('127.0.0.1:1');
  expect(stderr).not.toContain(MARK);
});

it.each([
  [`otlp.invalid/in?token=${MARK}`, 'export URL: (it is not shown)'],
  [`user:${MARK}@otlp.invalid`, 'cannot deliver metrics to otlp.invalid: it does not begin with http:// or https://'],
  [`${MARK}:@otlp.invalid`, 'cannot deliver metrics to otlp.invalid: it does not begin with http:// or https://'],
  [`otlp.invalid:4318/in?token=a@${MARK}`, 'cannot deliver metrics to the endpoint: it does not begin with'],
])('an endpoint that is no URL is not shown: %s', async (endpoint, said) => {
  const { stderr } = await runNode({
    args: ['-e', '0'],
    withAgent: true,
    registerFile: BUILT_REGISTER_FILE,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      GRIDWATCH_LOG: 'text',
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
    },
  });
  expect(stderr).toContain(said);
  expect(stderr.toUpperCase()).not.toContain(MARK);
});

describe('gridwatch doctor', () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://user:${MARK}@127.0.0.1:1/${MARK}?key=${MARK}`,
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `ftp://user:${MARK}@nowhere.invalid`,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${MARK},bad header=${MARK}`,
    OTEL_RESOURCE_ATTRIBUTES: `token=${MARK}`,
    GRIDWATCH_PASSWORD: MARK,
    DATABASE_URL: MARK,
  };

  it.each([[[]], [['--json']]])('prints no secret, whatever is wrong: %j', async (args) => {
    const { stdout, stderr, exitCode } = await runNode({ args: [COMMAND, 'doctor', ...args], env });
    expect(exitCode).toBe(1);
    expect(stdout).toContain('GRIDWATCH_PASSWORD');
    expect(stdout + stderr).not.toContain(MARK);
    if (args.length > 0) {
      const report = JSON.parse(stdout) as { problems: number; checks: { level: string }[]; inventory: object };
      expect(report.checks.filter(({ level }) => level === 'problem')).toHaveLength(report.problems);
      expect(Object.keys(report.inventory).length).toBeGreaterThan(0);
    }
  });

  it('refuses what it does not know with a code of its own', async () => {
    expect(await runNode({ args: [COMMAND, 'doctor', '--jsn'] })).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('there is no option "--jsn"'),
    });
  });
});
