/**
 * The machine in the resource of everything exported: as the kernel tells it, always; as systeminformation tells it, where that is asked for. Real
 * programs. One of the shells that the package spawns is replaced by one that tells what it was given, and may hang.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Observed, observe, startObserved } from '../support/observe.ts';
import { type RunResult, UNTIL_ITS_INPUT_ENDS } from '../support/run-node.ts';

const SECRET = 's3cret-of-the-program';
const FOR_EVER = ['-e', 'setInterval(() => {}, 1000)', SECRET];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwatch-inventory-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** An environment in which the first shell notes its environment and arguments, and then does what it is told. */
function withShell(then: string): Record<string, string> {
  const file = join(folder, 'lscpu');
  writeFileSync(file, `#!/bin/sh\n{ env; tr '\\0' ' ' < /proc/$PPID/cmdline; } > ${folder}/seen\n${then}\n`);
  chmodSync(file, 0o755);
  return {
    PATH: `${folder}:${process.env['PATH']}`,
    GRIDWATCH_INVENTORY: 'full',
    OTEL_METRIC_EXPORT_INTERVAL: '300',
    DATABASE_URL: SECRET,
  };
}

const hasStarted = (): boolean => existsSync(join(folder, 'seen'));

/** Runs a program until its first export: what the inventory starts it has started by then. */
async function observeFirstExport(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ result: RunResult; observed: Observed }> {
  await using program = await startObserved({
    args,
    env: { ...env, GRIDWATCH_IDENTITY_WAIT_MS: '0' },
    isInputOpen: true,
  });
  await program.receiver.waitFor('an export', ({ metrics }) => metrics[0]);
  program.running.endInput();
  return { result: await program.running.ended, observed: program.observed };
}

describe('by default', () => {
  it('the resource has the processor and the memory, and nothing is spawned', async () => {
    const env = { ...withShell('true'), GRIDWATCH_INVENTORY: 'basic' };
    const { observed, result } = await observeFirstExport(UNTIL_ITS_INPUT_ENDS, env);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(observed.metrics[0]?.resource).toMatchObject({
      'host.arch': expect.any(String),
      'gridwatch.host.memory.size': expect.any(Number),
      'gridwatch.host.cpu.logical.count': expect.any(Number),
    });
    expect(observed.metrics[0]?.resource).not.toHaveProperty('os.description');
    expect(hasStarted()).toBe(false);
  });

  it('OTEL_NODE_RESOURCE_DETECTORS leaves the host out', async () => {
    const env = { OTEL_NODE_RESOURCE_DETECTORS: 'env,process', GRIDWATCH_EXIT_TIMEOUT_MS: '20000' };
    const { observed } = await observe({ args: ['-e', '0'], env });
    const names = Object.keys(observed.metrics[0]?.resource ?? {});
    expect(names.filter((name) => /^(?:gridwatch\.)?(?:host|os|device)\./.test(name))).toEqual([]);
    expect(names).toContain('process.pid');
  });
});

describe('the whole inventory', () => {
  it('is in the first export, and the shells know nothing of the program', async () => {
    await using program = await startObserved({ args: FOR_EVER, env: withShell('exit 1') });
    const first = await program.receiver.waitFor('an export', ({ metrics }) => metrics[0]);
    expect(first.resource).toMatchObject({
      'os.description': expect.any(String),
      'gridwatch.host.memory.size': expect.any(Number),
    });
    const resources = program.observed.metrics.map(({ resource }) => JSON.stringify(resource));
    expect(new Set(resources).size).toBe(1);
    const seen = readFileSync(join(folder, 'seen'), 'utf8');
    expect(seen).toMatch(/^PATH=/m);
    expect(seen).not.toContain(SECRET);
    program.running.child.kill();
    expect((await program.running.ended).stderr).toBe('');
  });

  it('starts no process where the program may not, and says so', async () => {
    const args = ['--permission', '--allow-fs-read=*', '--allow-worker', ...UNTIL_ITS_INPUT_ENDS];
    const { result, observed } = await observeFirstExport(args, withShell('true'));
    expect(result.exitCode).toBe(0);
    expect(result.stderr).toMatch(/^gridwatch: inventory is not observed: the program may not start processes/m);
    expect(hasStarted()).toBe(false);
    expect(observed.metrics[0]?.resource).toHaveProperty(['gridwatch.host.memory.size']);
  });

  it('that hangs delays no exit', async () => {
    const env = { ...withShell('sleep 30'), MARKER: join(folder, 'seen') };
    const script = `
      const { existsSync } = require('node:fs');
      const looking = setInterval(() => {
        if (!existsSync(process.env.MARKER)) return;
        clearInterval(looking);
        console.log(Date.now());
      }, 5);
    `;
    const { result, observed } = await observe({ args: ['-e', script], env });
    const sinceMs = Date.now() - Number(result.stdout);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    /* The shell would take 30 seconds, and its deadline is four. */
    expect(sinceMs).toBeLessThan(2000);
    expect(observed.metrics[0]?.resource).toHaveProperty(['gridwatch.host.memory.size']);
  });

  it('that hangs is cut short: its shells are killed, and exports go on with the rest', async () => {
    const stuck = `echo $$ > ${folder}/pid; sleep 60 & wait`;
    await using program = await startObserved({ args: FOR_EVER, env: withShell(stuck) });
    const { receiver, running } = program;
    const first = await receiver.waitFor('an export', ({ metrics }) => metrics[0]);
    expect(first.resource).toMatchObject({
      'os.description': expect.any(String),
      'gridwatch.host.memory.size': expect.any(Number),
    });
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    running.child.kill();
    await running.ended;
    await eventually('the end of the shell', () => !existsSync(`/proc/${pid}`) || isZombie(pid));
  });
});

function isZombie(pid: number): boolean {
  return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
