/** The start script's choice of a Node, on machines of every kind: facts in, one sentence out. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parse } from 'acorn';
import { describe, expect, it } from 'vitest';

interface Machine {
  platform: string;
  arch: string;
  isMusl: boolean;
  running: { name: string; isNode: boolean; version: string; execPath: string; isPackaged: boolean };
  packaged: { state: string; execPath?: string; version?: string; error?: string };
}

interface StartScript {
  readonly LOCK_SITE: string;
  readonly MINIMUM_NODE: string;
  readonly chooseNode: (machine: Machine, program?: string) => { execPath?: string; line: string };
}

const file = new URL('../../../examples/start.cjs', import.meta.url);
const { LOCK_SITE, MINIMUM_NODE, chooseNode } = createRequire(import.meta.url)(file.pathname) as StartScript;

const RUNS = { state: 'runs', execPath: '/packaged/node', version: '24.21.0' };

/** A Linux machine with glibc, an old Node and no packaged one; `differences` make it another. */
function machine({ running, ...differences }: Omit<Partial<Machine>, 'running'> & { running?: object } = {}): Machine {
  return {
    platform: 'linux',
    arch: 'x64',
    isMusl: false,
    packaged: { state: 'absent' },
    running: {
      name: 'Node',
      isNode: true,
      version: '20.19.0',
      execPath: '/usr/bin/node',
      isPackaged: false,
      ...running,
    },
    ...differences,
  };
}

describe('chooseNode', () => {
  it.each(['22.15.0', '22.23.3', '23.0.0', '24.21.0', '26.10.0', '27.0.0-nightly2026'])(
    'takes the running Node %s',
    (version) => {
      const choice = chooseNode(machine({ running: { version }, packaged: { state: 'not needed' } }));
      expect(choice).toEqual({ execPath: '/usr/bin/node', line: `Node ${version} runs the shop (/usr/bin/node).` });
    },
  );

  it('says what it runs', () => {
    const running = { version: '24.21.0' };
    const choice = chooseNode(machine({ running, packaged: { state: 'not needed' } }), 'examples/deadlock/main.js');
    expect(choice.line).toBe('Node 24.21.0 runs examples/deadlock/main.js (/usr/bin/node).');
  });

  it('says so when npm has already put the packaged Node first', () => {
    const running = { version: '24.21.0', execPath: '/packaged/node', isPackaged: true };
    const choice = chooseNode(machine({ running, packaged: { state: 'not needed' } }));
    expect(choice.execPath).toBe('/packaged/node');
    expect(choice.line).toBe('Node 24.21.0 runs the shop (the one packaged with the examples).');
  });

  it.each(['22.14.0', '22.9.1', '21.99.0', '20.19.0', '18.0.0', '0.10.48'])(
    'takes the packaged Node when the running one is %s',
    (version) => {
      const choice = chooseNode(machine({ running: { version }, packaged: RUNS }));
      expect(choice.execPath).toBe('/packaged/node');
      expect(choice.line).toBe(
        `Node ${version} is too old for the agent, which needs 22.15.0 or newer; the packaged Node 24.21.0 runs the shop.`,
      );
    },
  );

  it.each(['Bun', 'Deno'])('takes the packaged Node under %s, whatever Node that claims to be', (name) => {
    const running = { name, isNode: false, version: '24.3.0' };
    const choice = chooseNode(machine({ running, packaged: RUNS }));
    expect(choice.execPath).toBe('/packaged/node');
    expect(choice.line).toContain(`This is ${name}, and the agent needs Node 22.15.0 or newer`);
  });

  it.each<[string, Partial<Machine>, string]>([
    ['with --ignore-scripts', { packaged: { state: 'no binary' } }, 'run `npm rebuild node --ignore-scripts=false`.'],
    [
      'with --ignore-scripts on macOS',
      { platform: 'darwin', arch: 'arm64', packaged: { state: 'no binary' } },
      'run `npm rebuild node --ignore-scripts=false`.',
    ],
    ['with --omit=optional', {}, 'run `npm install --include=optional`.'],
    ['with --omit=optional on arm64', { arch: 'arm64' }, 'run `npm install --include=optional`.'],
    ['on musl', { isMusl: true, packaged: { state: 'fails', error: 'ENOENT' } }, 'this system has musl: use the image'],
    ['on musl with --ignore-scripts', { isMusl: true, packaged: { state: 'no binary' } }, 'this system has musl'],
    ['on musl without the package', { isMusl: true }, 'this system has musl'],
    [
      'on Apple Silicon',
      { platform: 'darwin', arch: 'arm64' },
      'No Node is packaged for macOS on Apple Silicon. Install Node 24 from https://nodejs.org',
    ],
    ['on an Intel Mac', { platform: 'darwin' }, 'No Node is packaged for macOS. Install Node 24'],
    [
      'on Windows for ARM',
      { platform: 'win32', arch: 'arm64' },
      'No Node is packaged for win32 arm64. Install Node 24',
    ],
    ['on another processor', { arch: 's390x' }, 'No Node is packaged for linux s390x. Install Node 24'],
    [
      'where the packaged Node crashes',
      { packaged: { state: 'fails', error: 'SIGILL' } },
      'The packaged Node does not start (SIGILL). Install Node 24',
    ],
  ])('says what to do %s', (_, differences, advice) => {
    const choice = chooseNode(machine(differences));
    expect(choice.execPath).toBeUndefined();
    expect(choice.line).toMatch(/^Node 20\.19\.0 is too old for the agent, which needs 22\.15\.0 or newer\. /);
    expect(choice.line).toContain(advice);
    expect(choice.line).not.toContain('\n');
  });
});

describe('start.cjs', () => {
  it('asks for the Node that the package asks for', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      engines: { node: string };
    };
    expect(manifest.engines.node).toBe(`>=${MINIMUM_NODE}`);
  });

  it('is ES5, because an old Node must get as far as the sentence about it', () => {
    expect(() => parse(readFileSync(file, 'utf8'), { ecmaVersion: 5, sourceType: 'script' })).not.toThrow();
  });
});

it("names the line on which the shop's lock waits", () => {
  const [lockFile = '', line] = LOCK_SITE.split(':');
  const lines = readFileSync(new URL(`../../../${lockFile}`, import.meta.url), 'utf8').split('\n');
  expect(lines[Number(line) - 1]).toContain('Atomics.wait(');
});
