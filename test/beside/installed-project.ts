/**
 * Installs one of the projects of this folder, with its lock file, and the package into it from its tarball, by the project's own package manager, as a
 * user does. Runs in a test's own process. The result is kept in a cache folder outside of the repository, by everything that went into it; nothing
 * reaches this repository's node_modules.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder, npm, pack } from '../support/installed.ts';

const execute = promisify(execFile);
const PROJECTS = fileURLToPath(new URL('projects/', import.meta.url));

/** An installed project that no test run has touched for so long, longer than any takes, is removed when another of its name is made. */
const KEPT_MS = 3600 * 1000;

export type ProjectName =
  | 'auto-instrumentations'
  | 'dd-trace'
  | 'express'
  | 'fastify'
  | 'nest'
  | 'next'
  | 'pnpm'
  | 'typescript'
  | 'workspaces'
  | 'yarn';

export interface InstalledProject {
  readonly folder: string;
  /** The gate, where the package manager has put the package's files into a folder. */
  readonly registerFile: string;
}

export interface NotInstalled {
  /** Why a test is skipped, and what makes that a failure. */
  readonly reason: string;
}

/** A package manager's file for Node, and the environment that keeps its store in our cache folder. */
export interface PackageManager {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

const installs = new Map<ProjectName, Promise<InstalledProject | NotInstalled>>();

/**
 * Installs a project, once a test file. What cannot be installed is a reason to skip, unless `E2E=required`.
 *
 * @throws Error when `E2E=required` and it cannot be installed.
 */
export async function installProject(name: ProjectName): Promise<InstalledProject | NotInstalled> {
  const known = installs.get(name) ?? tryInstall(name);
  installs.set(name, known);
  return known;
}

async function tryInstall(name: ProjectName): Promise<InstalledProject | NotInstalled> {
  try {
    const folder = await install(name, addPackage[name] ?? addWithNpm);
    return { folder, registerFile: join(folder, 'node_modules/gridwatch/dist/register.cjs') };
  } catch (error) {
    if (process.env['E2E'] === 'required') throw error;
    const { stderr, stdout, message } = error as { stderr?: string; stdout?: string; message: string };
    const said = `${stderr ?? ''}\n${stdout ?? ''}`.split('\n').find((line) => /error|\bERR_|YN\d{4}/i.test(line));
    return { reason: `${name} cannot be installed (${said ?? message}); E2E=required makes that a failure` };
  }
}

const addPackage: Partial<Record<ProjectName, (folder: string, tarball: string) => Promise<void>>> = {
  nest: async (folder, tarball) => {
    await addWithNpm(folder, tarball);
    await npm(['run', 'build'], folder);
  },
  workspaces: async (folder, tarball) =>
    npm(['install', ...NPM_OPTIONS, '--workspace', 'service', join(folder, tarball)], folder),
  pnpm: async (folder, tarball) => {
    const { file, env } = await packageManager('pnpm');
    await run(file, ['install', '--frozen-lockfile', '--ignore-scripts'], folder, env);
    await run(file, ['add', '--ignore-scripts', `./${tarball}`], folder, env);
  },
  yarn: async (folder, tarball) => {
    const { file, env } = await packageManager('yarn');
    await run(file, ['install', '--immutable', '--mode=skip-build'], folder, env);
    await run(file, ['add', '--mode=skip-build', `./${tarball}`], folder, env);
  },
};

/** A request that hangs is made again after a minute, not after npm's five; one that fails, within seconds. */
const NPM_OPTIONS = [
  '--ignore-scripts',
  '--prefer-offline',
  '--fetch-timeout=60000',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=5000',
];

/** What is in the lock file is taken from there. */
async function addWithNpm(folder: string, tarball: string): Promise<void> {
  await npm(['install', ...NPM_OPTIONS, `./${tarball}`], folder);
}

/** pnpm or Yarn, in the version of this folder's lock file. */
export async function packageManager(name: 'pnpm' | 'yarn'): Promise<PackageManager> {
  const folder = await install('package-managers', async (staging) => npm(['ci', ...NPM_OPTIONS], staging));
  const store = join(cacheFolder('beside'), `store-${name}`);
  return name === 'pnpm'
    ? { file: join(folder, 'node_modules/pnpm/bin/pnpm.mjs'), env: { npm_config_store_dir: store } }
    : { file: join(folder, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js'), env: { YARN_GLOBAL_FOLDER: store } };
}

/** In a folder of its own that is then given its name: two test runs may do this at once. */
async function install(name: string, add: (folder: string, tarball: string) => Promise<void>): Promise<string> {
  const parent = cacheFolder('beside');
  await mkdir(parent, { recursive: true });
  const staging = await mkdtemp(join(parent, 'staging-'));
  try {
    await cp(join(PROJECTS, name), staging, { recursive: true });
    const tarball = name === 'package-managers' ? '' : await pack(staging);
    const folder = join(parent, `${name}-${await digest(staging)}`);
    if (existsSync(folder)) {
      await utimes(folder, new Date(), new Date());
      return folder;
    }
    await add(staging, tarball);
    await rename(staging, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    await removeOld(parent, name);
    return folder;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function digest(folder: string): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.toSorted()) hash.update(`${file.slice(folder.length)}\0`).update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}

async function removeOld(parent: string, name: string): Promise<void> {
  const isOfName = new RegExp(`^${name}-[0-9a-f]{16}$`);
  for (const entry of await readdir(parent)) {
    if (!isOfName.test(entry)) continue;
    const { mtimeMs } = await stat(join(parent, entry));
    if (Date.now() - mtimeMs > KEPT_MS) await rm(join(parent, entry), { recursive: true, force: true });
  }
}

async function run(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { NODE_OPTIONS: _options, ...kept } = process.env;
  await execute(process.execPath, [file, ...args], { cwd, env: { ...kept, ...env }, maxBuffer: 64 * 2 ** 20 });
}
