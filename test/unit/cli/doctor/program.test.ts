/** What `gridwatch doctor` makes of the program's folder, its control file, the agent's budget, the fleet's share and the inventory. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkBeside } from '../../../../agent/cli/doctor/beside.ts';
import { checkBudget } from '../../../../agent/cli/doctor/budget.ts';
import { checkControlFile } from '../../../../agent/cli/doctor/control.ts';
import { checkInventory, readInventory } from '../../../../agent/cli/doctor/inventory.ts';
import type { Config } from '../../../../agent/config/options.ts';
import { resolveConfig } from '../../../../agent/config/resolve.ts';

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

const version = (text: string): string => JSON.stringify({ version: text });

function configOf(env: Record<string, string>): Config {
  const { config, problems } = resolveConfig(env);
  expect(problems).toEqual([]);
  return config;
}

describe("the program's packages", () => {
  const look = (env: NodeJS.ProcessEnv = {}) => checkBeside(env, join(folder, 'app'));

  it('may be none', () => {
    expect(look()).toMatchObject([{ level: 'ok', found: expect.stringContaining('no OpenTelemetry of its own') }]);
  });

  it("may have one api; the agent's own copy does not count", () => {
    write({
      'node_modules/@opentelemetry/api/package.json': version('1.9.0'),
      'app/node_modules/gridwatch/node_modules/@opentelemetry/api/package.json': version('1.10.0'),
    });
    expect(look()).toMatchObject([
      { level: 'ok', found: expect.stringContaining('one version of @opentelemetry/api: 1.9.0') },
    ]);
  });

  it('may have several: nested, in a scope, above, or in the store of pnpm', () => {
    write({
      'node_modules/@opentelemetry/api/package.json': version('1.9.0'),
      'app/node_modules/@scope/lib/node_modules/@opentelemetry/api/package.json': version('1.8.0'),
      'app/node_modules/lib/node_modules/@opentelemetry/api/package.json': version('1.10.0'),
      'app/node_modules/.pnpm/@opentelemetry+api@1.7.0/node_modules/@opentelemetry/api/package.json': version('1.7.0'),
    });
    const [check, ...rest] = look();
    expect(rest).toEqual([]);
    expect(check).toMatchObject({ level: 'note', remedy: expect.stringContaining('overrides') });
    for (const one of ['4 versions', '1.10.0 in node_modules/lib', '1.8.0', '1.7.0', '1.9.0 in ../node_modules'])
      expect(check?.found).toContain(one);
  });

  it('may send the same metrics, unless they are told not to', () => {
    write({
      'app/node_modules/@opentelemetry/auto-instrumentations-node/package.json': version('1.0.0'),
      'app/node_modules/@opentelemetry/host-metrics/package.json': version('1.0.0'),
    });
    const notes = (env: NodeJS.ProcessEnv = {}): string[] =>
      look(env).flatMap(({ level, remedy }) => (level === 'note' ? [remedy] : []));
    expect(notes()).toEqual([
      expect.stringContaining('OTEL_NODE_DISABLED_INSTRUMENTATIONS=runtime-node'),
      expect.stringContaining('GRIDWATCH_FEATURES=-cpu'),
    ]);
    expect(notes({ OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'fs, runtime-node' })).toHaveLength(1);
    expect(notes({ OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'http' })).toHaveLength(0);
  });
});

describe('the control file', () => {
  const look = (content?: string, env: Record<string, string> = {}) => {
    const path = join(folder, 'control.json');
    if (content !== undefined) writeFileSync(path, content);
    return checkControlFile(configOf({ GRIDWATCH_CONTROL_FILE: path, ...env }));
  };

  it('may not be wanted, or not be there', () => {
    expect(checkControlFile(configOf({}))).toEqual([]);
    expect(look()).toMatchObject([{ level: 'note', found: expect.stringContaining('is not there') }]);
  });

  it.each([
    ['', 'ok', 'it changes nothing.'],
    ['{}', 'ok', 'it changes nothing.'],
    ['{ "features": "-gc", "maxCpu": 0.1 }', 'ok', 'is read: features=-gc maxCpu=0.1.'],
    ['{ "off": true }', 'note', 'switches the agent off.'],
    ['[]', 'problem', 'is not a JSON object.'],
    ['{ "gcThresholdMs": ', 'problem', 'is not a JSON object.'],
    ['x'.repeat(70_000), 'problem', 'is longer than 65536 bytes'],
  ])('that holds %.40j', (content, level, found) => {
    expect(look(content)).toMatchObject([{ level, found: expect.stringContaining(found) }]);
  });

  it('has each of its faults named, and what holds all the same', () => {
    const checks = look('{ "gcThresholdMs": "soon", "signals": "SIGTERM", "features": "heap,gc" }', {
      GRIDWATCH_FEATURES: '-heap',
    });
    expect(checks.map(({ level, found }) => [level, found.slice(found.lastIndexOf('control.json') + 12)])).toEqual([
      ['problem', expect.stringMatching(/^: gcThresholdMs: "soon" is ignored/)],
      ['problem', ': signals cannot be changed here.'],
      ['problem', ': heap was off when the program started, and stays off.'],
      ['ok', ', is read: features=gc.'],
    ]);
  });

  it('that is a folder is a problem', () => {
    mkdirSync(join(folder, 'control.json'));
    expect(look()).toMatchObject([{ level: 'problem', found: expect.stringContaining('is not a file') }]);
  });
});

describe('the budget', () => {
  const look = (env: Record<string, string> = {}) =>
    checkBudget(configOf(env), { procRoot: join(folder, 'proc'), sysRoot: join(folder, 'sys') });

  it('is what it is where nothing limits the program', () => {
    expect(look()).toMatchObject([{ level: 'ok', found: expect.stringContaining('0.05 CPUs and 96 MB') }]);
  });

  it('is held against the quota and the memory of the container', () => {
    write({
      'proc/self/cgroup': '0::/pod/app\n',
      'sys/fs/cgroup/pod/app/cpu.max': '10000 100000\n',
      'sys/fs/cgroup/pod/memory.max': `${128 * 2 ** 20}\n`,
      'sys/fs/cgroup/pod/app/memory.max': 'max\n',
    });
    expect(look()).toMatchObject([
      {
        level: 'note',
        found: expect.stringContaining('50 % of the quota of 0.1 CPUs'),
        remedy: expect.stringContaining('GRIDWATCH_MAX_CPU=0.005'),
      },
      { level: 'note', found: expect.stringContaining('75 % of the limit of 128 MB') },
    ]);
    expect(look({ GRIDWATCH_MAX_CPU: '0.01', GRIDWATCH_MAX_MEMORY_MB: '32' })).toMatchObject([{ level: 'ok' }]);
  });

  it('says whether this instance would be observed', () => {
    const answers = ['0.0001', '0.9999'].map((ratio) => look({ GRIDWATCH_ENABLE_RATIO: ratio }).at(-1)?.found);
    expect(answers).toEqual([
      expect.stringContaining('is not observed'),
      expect.stringMatching(/pid 1, as in a container, is observed/),
    ]);
  });
});

describe('the inventory', () => {
  it('is what the process prints', async () => {
    const inventory = {
      'host.cpu.model.name': 'EPYC',
      'gridwatch.host.cpu.logical.count': 1,
      'gridwatch.host.memory.size': 2 ** 34,
    };
    const read = await readInventory(process.execPath, ['-p', JSON.stringify(JSON.stringify(inventory))]);
    expect(read).toEqual(inventory);
    const [check] = checkInventory(read, configOf({}));
    expect(check).toMatchObject({
      level: 'ok',
      found: expect.stringMatching(/^EPYC, 1 CPU, 16\.0 GiB memory\. .*without spawning/),
    });
    const [full] = checkInventory(read, configOf({ GRIDWATCH_INVENTORY: 'full' }));
    expect(full?.found).toContain('with shells');
  });

  it.each(['1', '"[]"', '"no"', 'process.exit(1)'])('may be missing: %s', async (script) => {
    const read = await readInventory(process.execPath, ['-p', script]);
    expect(read).toBeUndefined();
    expect(checkInventory(read, configOf({}))).toMatchObject([{ level: 'note' }]);
  });
});
