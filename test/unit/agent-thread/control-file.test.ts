/** The control file: what it changes, what it cannot, and that whatever is wrong with it is said once and does no harm. The first look: `first-look.test.ts`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlFile } from '../../../agent/agent-thread/control-file.ts';
import { CHANGEABLE } from '../../../agent/config/control.ts';
import type { Config } from '../../../agent/config/options.ts';
import { resolveConfig } from '../../../agent/config/resolve.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeDiag } from './telemetry/fake-diag.ts';

interface Applied {
  readonly config: Config;
  readonly isOff: boolean;
}

let diag: FakeDiag;
let applied: Applied[];
let answers: (string | undefined | Error)[];
let reads: number;
let nowNs: number;

beforeEach(() => {
  diag = new FakeDiag();
  applied = [];
  answers = [];
  reads = 0;
  nowNs = 0;
});

const STARTED = { GRIDWATCH_CONTROL_FILE: 'control.json', GRIDWATCH_GC_THRESHOLD_MS: '15' };

function controlFile(env: Record<string, string> = STARTED): ControlFile {
  return new ControlFile({
    config: resolveConfig(env).config,
    diag,
    apply: (config, isOff) => applied.push({ config, isOff }),
    read: async () => {
      reads++;
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
}

/** Lets it look once, at what the file holds by then. */
async function look(file: ControlFile, answer?: unknown): Promise<Applied | undefined> {
  answers = [
    typeof answer === 'string' || answer === undefined || answer instanceof Error ? answer : JSON.stringify(answer),
  ];
  nowNs += 10e9;
  file.check(nowNs);
  await new Promise((resolve) => setImmediate(resolve));
  return applied.at(-1);
}

describe('it is looked at', () => {
  it('at once, and then every ten seconds', async () => {
    const file = controlFile();
    for (let poll = 0; poll <= 300; poll++) {
      file.check(poll * 1e8);
      await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(reads).toBe(4);
  });

  it('not again while a file system hangs', async () => {
    let answer: (text: string) => void = () => {};
    const file = new ControlFile({
      config: resolveConfig(STARTED).config,
      diag,
      apply: (config, isOff) => applied.push({ config, isOff }),
      read: async () => {
        reads++;
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
    });
    for (let second = 0; second <= 60; second += 10) file.check(second * 1e9);
    expect(reads).toBe(1);
    answer('{"off":true}');
    await new Promise((resolve) => setImmediate(resolve));
    expect(applied).toMatchObject([{ isOff: true }]);
    file.check(70e9);
    expect(reads).toBe(2);
  });

  it('never without a path', () => {
    const file = controlFile({});
    file.check(0);
    file.check(1e12);
    expect(reads).toBe(0);
  });
});

describe('it changes', () => {
  it.each([
    ['off', { off: true }, (last: Applied) => last.isOff],
    ['features', { features: '-heap' }, ({ config }: Applied) => !config.features.heap && config.features.gc],
    ['features, as a list', { features: ['gc', 'threads'] }, ({ config }: Applied) => !config.features.heap],
    ['a threshold', { gcThresholdMs: 50 }, ({ config }: Applied) => config.gcThresholdMs === 50],
    ['a limit', { metricsMaxSeries: 500 }, ({ config }: Applied) => config.metricsMaxSeries === 500],
    ['the budget', { maxCpu: 0.2, maxMemoryMb: 200 }, ({ config }: Applied) => config.maxCpu === 0.2],
  ])('%s', async (_, text, hasChanged) => {
    const last = await look(controlFile(), text);
    expect(last && hasChanged(last)).toBe(true);
    expect(diag.lines).toEqual([expect.stringMatching(/^info the control file: from now on /)]);
  });

  it('nothing it does not name, and nothing as long as it is the same', async () => {
    const file = controlFile();
    const { config: started } = resolveConfig(STARTED);
    expect((await look(file, { maxCpu: 0.5 }))?.config).toEqual({ ...started, maxCpu: 0.5 });
    await look(file, { maxCpu: 0.5 });
    expect(applied).toHaveLength(1);
    expect(diag.lines).toEqual(['info the control file: from now on maxCpu=0.5']);
  });

  it('everything back when it is gone, or empty', async () => {
    const file = controlFile();
    const { config: started } = resolveConfig(STARTED);
    for (const gone of [undefined, '', ' \n', '{}']) {
      await look(file, { off: true, gcThresholdMs: 1 });
      expect(await look(file, gone)).toEqual({ config: started, isOff: false });
      expect(diag.lines.at(-1)).toBe('info the control file: from now on as when the program started');
    }
  });

  it('nothing when there never was one', async () => {
    const file = controlFile();
    await look(file);
    await look(file);
    expect([applied, diag.lines]).toEqual([[], []]);
  });
});

describe('what it cannot do', () => {
  it('is said all at once, and the rest is done', async () => {
    const file = controlFile();
    const last = await look(file, {
      gcThresholdMs: 'soon',
      lockThresholdMs: 5,
      maxCpu: 7,
      exitTimeoutMs: 1,
      gcTresholdMs: 1,
      off: 'yes',
      features: 'gc,threads,nonsense',
    });
    expect(last).toMatchObject({ isOff: false, config: { gcThresholdMs: 15, lockThresholdMs: 5, maxCpu: 0.05 } });
    const warnings = diag.lines.filter((line) => line.startsWith('warn'));
    expect(warnings).toEqual([
      'warn the control file: gcThresholdMs: "soon" is ignored (expected a number from 0 to 3600000 ms); 15 holds',
      'warn the control file: maxCpu: 7 is ignored (expected a number from 0.001 to 1 cores); 0.05 holds',
      'warn the control file: exitTimeoutMs cannot be changed here',
      'warn the control file: gcTresholdMs is not a setting and is ignored; did you mean gcThresholdMs?',
      expect.stringMatching(/^warn the control file: features: "nonsense" is ignored/),
      'warn the control file: off: expected true or false; it is left out',
    ]);
    await look(file, { ...JSON.parse(answers[0] as string) });
    expect(diag.lines.filter((line) => line.startsWith('warn'))).toHaveLength(warnings.length);
  });

  it('is to switch on what was off when the program started', async () => {
    const file = controlFile({ ...STARTED, GRIDWATCH_FEATURES: '-heap,-cpu' });
    const last = await look(file, { features: 'heap,gc' });
    expect(last?.config.features).toMatchObject({ heap: false, cpu: false, gc: true, threads: false });
    expect(diag.lines[0]).toBe('warn the control file: heap was off when the program started, and stays off');
    expect((await look(file, { features: '-gc' }))?.config.features).toMatchObject({
      heap: false,
      gc: false,
      threads: true,
    });
  });

  it.each(['{ half', '[]', '7', 'null', '"off"', 'off: true'])(
    'is to be %s: what held before goes on',
    async (text) => {
      const file = controlFile();
      await look(file, { off: true });
      await look(file, text);
      await look(file, text);
      expect(applied).toHaveLength(1);
      expect(diag.lines.slice(1)).toEqual(['warn the control file is not a JSON object: what held before goes on']);
    },
  );

  it('is to fail: what held before goes on, and it is said once', async () => {
    const file = controlFile();
    const denied = Object.assign(new Error('no'), { code: 'EACCES' });
    await look(file, { off: true });
    await look(file, denied);
    await look(file, denied);
    expect(applied).toHaveLength(1);
    expect(diag.lines.slice(1)).toEqual(['warn the control file cannot be read (EACCES): what held before goes on']);
    expect(await look(file, { off: false })).toMatchObject({ isOff: false });
  });

  it('names nothing that is decided when the program starts', () => {
    expect(CHANGEABLE).not.toContain('signals');
    expect(CHANGEABLE).not.toContain('controlFile');
  });
});

describe('a real file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gridwatch-control-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function realFile(path: string): ControlFile {
    const { config } = resolveConfig({ GRIDWATCH_CONTROL_FILE: path });
    return new ControlFile({ config, diag, apply: (changed, isOff) => applied.push({ config: changed, isOff }) });
  }

  it('is read, and its disappearance noticed', async () => {
    const path = join(folder, 'control.json');
    writeFileSync(path, '{"off": true}');
    const file = realFile(path);
    file.check(0);
    await eventually('it to be off', () => applied.at(-1)?.isOff);
    rmSync(path);
    file.check(10e9);
    await eventually('it to be on', () => applied.at(-1)?.isOff === false);
  });

  it.each([
    ['a folder', (path: string) => path, /EISDIR|it is not a file/],
    ['a device without an end', () => '/dev/zero', /it is not a file/],
    [
      'longer than it may be',
      (path: string) => {
        writeFileSync(join(path, 'long'), 'x'.repeat(70_000));
        return join(path, 'long');
      },
      /it is longer than 65536 bytes/,
    ],
  ])('may be %s', async (_, make, reason) => {
    realFile(make(folder)).check(0);
    await eventually('the reason', () => diag.lines.length > 0);
    expect(diag.lines).toEqual([expect.stringMatching(reason)]);
    expect(applied).toEqual([]);
  });
});
