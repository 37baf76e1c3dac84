/**
 * The first look at the control file, which exports wait for: when it is over, and that a thread or a pool that is busy is not taken for a file system that hangs.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ControlFile, type ControlFileSettings } from '../../../agent/agent-thread/control-file.ts';
import { resolveConfig } from '../../../agent/config/resolve.ts';
import { FakeDiag } from './telemetry/fake-diag.ts';

let folder: string;
/** Whether it was switched off, by each text that was put into effect. */
let applied: boolean[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwatch-control-'));
  applied = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Of a file that is there, and says that the agent is to be off, unless something else is given. */
function controlFile(settings: Partial<ControlFileSettings> = {}): ControlFile {
  const path = join(folder, 'off.json');
  writeFileSync(path, '{"off":true}');
  const { config } = resolveConfig({ GRIDWATCH_CONTROL_FILE: path });
  return new ControlFile({ config, diag: new FakeDiag(), apply: (_, isOff) => applied.push(isOff), ...settings });
}

async function hasLooked(file: ControlFile): Promise<boolean> {
  return Promise.race([file.firstLook.then(() => true), new Promise<false>((resolve) => setImmediate(resolve, false))]);
}

function compute(ms: number): void {
  for (const startedMs = performance.now(); performance.now() - startedMs < ms; );
}

it('is over when the file was read, whatever came of it', async () => {
  for (const answer of [undefined, '{"off":true}', '{ half', new Error('no')]) {
    const read = async (): Promise<string | undefined> => {
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const file = controlFile({ read });
    expect(await hasLooked(file)).toBe(false);
    file.check(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await hasLooked(file)).toBe(true);
  }
});

it('is over at once where there is no file', async () => {
  expect(await hasLooked(controlFile({ config: resolveConfig({}).config }))).toBe(true);
});

it('is over after a second of a file system that hangs', async () => {
  const file = controlFile({ read: async () => new Promise(() => {}) });
  file.check(0);
  const startedMs = performance.now();
  await file.firstLook;
  expect(performance.now() - startedMs).toBeGreaterThan(900);
});

it.skipIf(process.platform === 'win32')(
  'is over only when the pool that reads it had the time: the program may keep it busy for longer',
  async () => {
    const pipe = join(folder, 'pipe');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const file = controlFile();
    /* Each keeps a thread of the pool until somebody writes. */
    const busy = Array.from({ length: Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) }, async () => open(pipe, 'r'));
    file.check(0);
    await setTimeout(1500);
    const writer = openSync(pipe, 'r+');
    await file.firstLook;
    const seen = [...applied];
    for (const handle of await Promise.all(busy)) await handle.close();
    closeSync(writer);
    expect(seen).toEqual([true]);
  },
);

it('is over only when the thread had the time: it may be busy for longer, before the look and in it', async () => {
  const file = controlFile();
  compute(1200);
  await new Promise((resolve) => setImmediate(resolve));
  file.check(0);
  compute(1200);
  await file.firstLook;
  expect(applied).toEqual([true]);
});
