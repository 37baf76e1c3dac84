/** The start script as a process: what it says, and that it ends the way the program it starts does. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../examples/start.cjs', import.meta.url));

let root: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gridwatch-start-')));
  addFile('examples/start.cjs', '');
  copyFileSync(SCRIPT, join(root, 'examples/start.cjs'));
  addFile('examples/shop/server.js', '');
  addFile('node_modules/piscina/package.json', '{}');
  addFile('agent/build.mjs', 'console.log("built");');
});

afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(root, { recursive: true });
});

function addFile(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the script in another folder than its own; `cli` stands in for the agent's command. */
function start(cli: string, ...args: readonly string[]): { running: ChildProcess; ended: Promise<Ended> } {
  addFile('dist/cli/main.js', cli);
  const running = spawn(process.execPath, [join(root, 'examples/start.cjs'), ...args], { cwd: tmpdir() });
  child = running;
  const ended = Promise.all([once(running, 'close'), text(running.stdout), text(running.stderr)]).then(
    ([[code, signal], stdout, stderr]): Ended => ({ code, signal, stdout, stderr }),
  );
  return { running, ended };
}

describe('examples/start.cjs', () => {
  it('names the Node, builds quietly, and runs the shop in the repository with a live view', async () => {
    const { ended } = start('console.log(JSON.stringify([process.cwd(), process.execPath, process.argv.slice(2)]));');
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(0);
    const node = realpathSync(process.execPath);
    expect(JSON.parse(stdout)).toEqual([root, node, ['run', '--ui', join('examples', 'shop', 'server.js')]]);
    expect(stderr).toBe(`gridwatch: Node ${process.versions.node} runs the shop (${process.execPath}).\n`);
  });

  it('runs the example that it is told, by its name without or with .js', async () => {
    addFile('examples/incidents/deadlock/broken.js', '');
    const file = join('examples', 'incidents', 'deadlock', 'broken.js');
    for (const name of ['incidents/deadlock/broken', 'incidents/deadlock/broken.js']) {
      const { stdout, stderr } = await start('console.log(JSON.stringify(process.argv.slice(2)));', name).ended;
      expect(JSON.parse(stdout)).toEqual(['run', '--ui', file]);
      expect(stderr).toBe(`gridwatch: Node ${process.versions.node} runs ${file} (${process.execPath}).\n`);
    }
  });

  it('stops with a sentence when there is no such example', async () => {
    const { code, stdout, stderr } = await start('console.log("ran");', 'incidents/typo').ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const file = join('examples', 'incidents', 'typo.js');
    expect(stderr).toBe(`gridwatch: There is no ${file}: examples/README.md names what there is.\n`);
  });

  it('ends with the exit code of the program', async () => {
    expect((await start('process.exit(7);').ended).code).toBe(7);
  });

  it('ends of the signal the program ended of', async () => {
    expect((await start('process.kill(process.pid, "SIGKILL");').ended).signal).toBe('SIGKILL');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'hands %s on, and lets the program end as it likes',
    async (name) => {
      const { running, ended } = start(
        `process.on(${JSON.stringify(name)}, () => process.exit(3)); setInterval(() => {}, 1000); console.log('ready');`,
      );
      await Promise.race([once(running.stdout ?? running, 'data'), ended]);
      running.kill(name);
      expect((await ended).code).toBe(3);
    },
  );

  it('stops with a sentence when the packages are not installed', async () => {
    rmSync(join(root, 'node_modules'), { recursive: true });
    const { code, stderr } = await start('').ended;
    expect(code).toBe(1);
    expect(stderr).toBe('gridwatch: The packages are not installed: run `npm install` first.\n');
  });

  it('stops when the agent cannot be built', async () => {
    addFile('agent/build.mjs', 'console.error("no compiler"); process.exit(1);');
    const { code, stderr } = await start('').ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/no compiler\ngridwatch: The agent could not be built; the reason stands above\.\n$/);
  });
});
