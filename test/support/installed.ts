/**
 * Installs the built package as a user does, from its tarball and beside other packages in exact versions, into a cache
 * folder outside of the repository. Runs in a test's own process. What npm resolved is kept as long as the wanted
 * versions and the package's manifest stay the same; the package's own files are always those of the last build.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Installed {
  /** Has a `node_modules` with the package and what was asked for. */
  readonly folder: string;
  readonly registerFile: string;
}

export interface NotInstalled {
  /** Why not, and how to make it so. */
  readonly reason: string;
}

/** What npm says where there is no network or no registry, as opposed to versions that do not fit together. */
const UNREACHABLE = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED)\b/;

/**
 * Gives a folder with the package and `dependencies` installed. Without a registry it is a reason to skip, unless
 * `GRIDWATCH_TEST_INSTALLS=required`.
 *
 * @throws Error when npm refuses the versions, or fails for any reason but the network.
 */
export async function installBeside(dependencies: Readonly<Record<string, string>>): Promise<Installed | NotInstalled> {
  const manifest = await readFile(join(ROOT, 'package.json'), 'utf8');
  const key = createHash('sha256')
    .update(JSON.stringify([dependencies, manifest]))
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheFolder('installed'), key);
  try {
    if (!existsSync(join(folder, 'node_modules'))) await install(dependencies, folder);
  } catch (error) {
    const said = `${(error as Error).message}${(error as { stderr?: string }).stderr ?? ''}`;
    const reason = 'the package registry cannot be reached; GRIDWATCH_TEST_INSTALLS=required makes that a failure';
    if (!UNREACHABLE.test(said) || process.env['GRIDWATCH_TEST_INSTALLS'] === 'required') throw error;
    return { reason };
  }
  await refresh(folder);
  return { folder, registerFile: join(folder, 'node_modules/gridwatch/dist/register.cjs') };
}

/** A folder outside of the repository: it outlives every clean checkout. */
export function cacheFolder(name: string): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'gridwatch', name);
}

/** In a folder of its own that is then given its name: two test runs may do this at once. */
async function install(dependencies: Readonly<Record<string, string>>, folder: string): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true });
  const staging = await mkdtemp(join(folder, '..', 'staging-'));
  try {
    const tarball = await pack(staging);
    const manifest = { private: true, dependencies: { ...dependencies, gridwatch: `file:${tarball}` } };
    await writeFile(join(staging, 'package.json'), JSON.stringify(manifest));
    await npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], staging);
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Replaces the installed package's files by those of the last build. */
async function refresh(folder: string): Promise<void> {
  const unpacked = await mkdtemp(join(folder, 'unpacked-'));
  try {
    const tarball = await pack(unpacked);
    await execute('tar', ['-xzf', join(unpacked, tarball), '-C', unpacked]);
    const installed = join(folder, 'node_modules', 'gridwatch');
    await rm(join(installed, 'dist'), { recursive: true, force: true });
    await rename(join(unpacked, 'package', 'dist'), join(installed, 'dist'));
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

/** Puts the package's tarball into `folder`, and gives back its name there. The build was made before the tests. */
export async function pack(folder: string): Promise<string> {
  await npm(['pack', '--ignore-scripts', '--pack-destination', folder], ROOT);
  const name = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
  if (name === undefined) throw new Error('npm pack made no tarball');
  return name;
}

/** The npm that runs the tests, where there is one. */
export async function npm(args: readonly string[], cwd: string): Promise<void> {
  const npmCli = process.env['npm_execpath'];
  const [command, before] = npmCli?.endsWith('.js') ? [process.execPath, [npmCli]] : ['npm', []];
  const { npm_config_workspace: _workspace, ...env } = process.env;
  await execute(command, [...before, ...args, '--loglevel=error'], { cwd, env, maxBuffer: 64 * 2 ** 20 });
}
