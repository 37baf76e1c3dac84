/** The inventory's process as the agent thread sees it: asked once, believed as far as it makes sense, and never waited for past its deadline. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FullInventory, type FullInventorySettings } from '../../../../agent/agent-thread/host/full-inventory.ts';
import { eventually } from '../../../support/eventually.ts';
import { unavailableLog } from './proc-fixtures.ts';

let last: FullInventory | undefined;

afterEach(() => last?.settle());

function inventoryBy(script: string, more: Partial<FullInventorySettings> = {}) {
  const { log, onUnavailable } = unavailableLog();
  const command = [process.execPath, '-e', script];
  last = new FullInventory({ env: process.env, onUnavailable, command, startMs: 0, deadlineMs: 20_000, ...more });
  return { attributes: last.attributes, log, inventory: last };
}

describe('the process', () => {
  it('prints attributes, of which plain values are taken', async () => {
    const answer = { 'os.name': 'Debian', 'a.size': 7, list: [1], nested: {}, none: null, long: 'x'.repeat(300) };
    const { attributes, log } = inventoryBy(`console.log(${JSON.stringify(JSON.stringify(answer))})`);
    expect(await attributes).toEqual({ 'os.name': 'Debian', 'a.size': 7 });
    expect(log).toEqual([]);
  });

  it('gets the path to its commands, and nothing else of the environment; a folder that tells nothing', async () => {
    const env = { ...process.env, NODE_OPTIONS: '--no-warnings', DATABASE_URL: 'postgres://u:p@db', Path_: 'x' };
    const script = 'console.log(JSON.stringify({ names: Object.keys(process.env).join(), folder: process.cwd() }))';
    const { names = '', folder } = await inventoryBy(script, { env }).attributes;
    const isKept = (name: string): boolean => /^(?:PATH|TE?MP|LD_LIBRARY_PATH|__CF_USER_TEXT_ENCODING)$/i.test(name);
    expect(
      String(names)
        .split(',')
        .filter((name) => !isKept(name)),
    ).toEqual([]);
    expect(String(names)).toContain('PATH');
    expect(folder).toBe('/');
  });

  it.each([
    ['prints something else', 'console.log("no")'],
    ['prints a list', 'console.log("[]")'],
    ['prints without an end', 'console.log(JSON.stringify({ a: "x".repeat(500_000) }))'],
    ['fails', 'process.exit(1)'],
  ])('that %s leaves the rest as it is, and is told of', async (_, script) => {
    const { attributes, log } = inventoryBy(script);
    expect(await attributes).toEqual({});
    expect(log).toEqual(['inventory failed']);
  });

  it('that cannot be started is told of', async () => {
    const { attributes, log } = inventoryBy('', { command: ['/nowhere/gridwatch'] });
    expect(await attributes).toEqual({});
    expect(log).toEqual(['inventory failed']);
  });

  it('is not started where the program is its own Node', async () => {
    const { attributes, log } = inventoryBy('', { command: [] });
    expect(await attributes).toEqual({});
    expect(log).toEqual(['inventory unsupported_platform']);
  });
});

describe('nobody waits', () => {
  it('past the deadline, at which the process is killed with its shells', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gridwatch-inventory-'));
    /* The deadline is over when the shell has started, however long the machine takes for it. */
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const command = ['sh', '-c', `sleep 60 & echo "$$ $!" > "${folder}/pids"; wait`];
      const { attributes, log } = inventoryBy('', { command, deadlineMs: 1500 });
      vi.advanceTimersByTime(1499);
      const pids = await eventually('both to run', () => {
        return /^(\d+) (\d+)\n$/
          .exec(readFileSync(`${folder}/pids`, 'utf8'))
          ?.slice(1)
          .map(Number);
      });
      expect(pids.map(isRunning)).toEqual([true, true]);
      vi.advanceTimersByTime(1);
      expect(await attributes).toEqual({});
      expect(log).toEqual(['inventory failed']);
      await eventually('the end of both', () => pids.every((pid) => !isRunning(pid)));
    } finally {
      vi.useRealTimers();
      rmSync(folder, { recursive: true });
    }
  });

  it('for one that has not begun, once somebody flushes', async () => {
    const { attributes, inventory, log } = inventoryBy('', { startMs: 60_000 });
    inventory.settle();
    expect(await attributes).toEqual({});
    expect(log).toEqual([]);
  });
});

/** A zombie runs no more: in many a container the first process looks after none that it has not started, and they stay. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync('/proc/self/stat') || !/^.*\) [XZ] /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
