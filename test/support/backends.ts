/**
 * Finds the real backends of the e2e tests: Jaeger, the OpenTelemetry Collector, a Kafka broker, Prometheus with its promtool, Alertmanager with its amtool, and what reads the
 * files that start them: Compose, and a check of Kubernetes' manifests. Runs before the e2e tests, in vitest's main process. One that a variable names is taken as it is; otherwise those of Go are built from the modules in
 * `test/e2e/backends/`, whose go.sum pins every source, and the others are unpacked from Debian's packages, which are signed. All go into a cache
 * folder outside of the repository, and run only from there: nothing is installed, and no service is started.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export type BackendName = keyof typeof GO_PACKAGES | keyof typeof DEBIAN_PACKAGES;

/** Debian's package of each, and what the program is called there; on PATH it may have its own name as well. */
const DEBIAN_PACKAGES = {
  prometheus: { packageName: 'prometheus', program: 'prometheus' },
  promtool: { packageName: 'prometheus', program: 'promtool' },
  alertmanager: { packageName: 'prometheus-alertmanager', program: 'prometheus-alertmanager' },
  amtool: { packageName: 'prometheus-alertmanager', program: 'amtool' },
  'docker-compose': { packageName: 'docker-compose', program: 'docker-compose' },
} as const;

/** It is written in Python: what it imports comes from packages as well, and lies beside it, see `composeEnvironment`. */
const NEEDS_OTHERS = 'docker-compose';

/** The variable that names a binary of one's own. */
const BINARY_VARIABLES: Readonly<Record<BackendName, string>> = {
  jaeger: 'JAEGER_BIN',
  otelcol: 'OTELCOL_BIN',
  kafka: 'KAFKA_BIN',
  manifests: 'MANIFESTS_BIN',
  prometheus: 'PROMETHEUS_BIN',
  promtool: 'PROMTOOL_BIN',
  alertmanager: 'ALERTMANAGER_BIN',
  amtool: 'AMTOOL_BIN',
  'docker-compose': 'DOCKER_COMPOSE_BIN',
};

export interface BackendBinary {
  readonly file: string;
  /** Where it came from, and how long that took. */
  readonly origin: string;
}

export interface MissingBackend {
  /** Why there is none, and what to do about it. */
  readonly reason: string;
}

export type Backends = Readonly<Record<BackendName, BackendBinary | MissingBackend>>;

export interface BackendSearch {
  readonly env?: NodeJS.ProcessEnv;
  /** Holds a Go module for each of `GO_PACKAGES`. */
  readonly modulesFolder?: string;
  /** Told of what takes long, before it begins. */
  readonly tell?: (line: string) => void;
}

/** What to compile in the module of that name. */
const GO_PACKAGES = {
  jaeger: 'github.com/jaegertracing/jaeger/cmd/jaeger',
  otelcol: '.',
  kafka: '.',
  manifests: '.',
} as const;

const MODULES_FOLDER = fileURLToPath(new URL('../e2e/backends/', import.meta.url));

/** `GOFLAGS` replaces the user's own; a version control that does not know the folder is no reason to fail. */
const GO_ENV = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false', CGO_ENABLED: '0' };
const GO_BUILD = ['build', '-trimpath', '-ldflags', '-s -w', '-o'];

/**
 * Debian's Alertmanager opens its templates at this place and no other; upstream's holds them in itself. In the unpacked copy the place is below the folder
 * of the package, from which `Stack` starts it. To be removed with Debian's patch.
 */
const TEMPLATES = '/usr/share/prometheus/alertmanager';
const ALERTMANAGER = 'usr/bin/prometheus-alertmanager';
const UNPACKED_TEMPLATES = 'usr/share/prometheus/alertmanager/';

/** apt's own lists may be missing or old, and belong to root; these belong to the cache. */
const APT_FOLDERS = { 'Dir::State::Lists': 'lists', 'Dir::Cache': 'archives' } as const;

/**
 * All of them, one after the other: two builds at once would take longer than each. What is missing is a reason to skip, unless `E2E=required`.
 *
 * @throws Error when `E2E=required` and one cannot be had; it names all that cannot.
 */
export async function findBackends(search: BackendSearch = {}): Promise<Backends> {
  const found = {
    prometheus: await findBackend('prometheus', search),
    promtool: await findBackend('promtool', search),
    alertmanager: await findBackend('alertmanager', search),
    amtool: await findBackend('amtool', search),
    'docker-compose': await findBackend('docker-compose', search),
    kafka: await findBackend('kafka', search),
    manifests: await findBackend('manifests', search),
    otelcol: await findBackend('otelcol', search),
    jaeger: await findBackend('jaeger', search),
  };
  const reasons = Object.values(found).flatMap((backend) => ('reason' in backend ? [backend.reason] : []));
  if (reasons.length > 0 && (search.env ?? process.env)['E2E'] === 'required') throw new Error(reasons.join('\n'));
  return found;
}

/** Never throws: what goes wrong is the reason. */
export async function findBackend(
  name: BackendName,
  search: BackendSearch = {},
): Promise<BackendBinary | MissingBackend> {
  const env = search.env ?? process.env;
  const variable = BINARY_VARIABLES[name];
  try {
    const named = env[variable];
    if (named) return { file: await executable(named), origin: `named by ${variable}` };
    return isOfGo(name) ? await findBuilt(name, env, search) : await findPackaged(name, env, search);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    return { reason: `no ${name}: ${said.split('\n').slice(-3).join(' ')}; set ${variable} to the path of one` };
  }
}

function isOfGo(name: BackendName): name is keyof typeof GO_PACKAGES {
  return Object.hasOwn(GO_PACKAGES, name);
}

async function executable(file: string): Promise<string> {
  await access(file, constants.X_OK);
  return file;
}

async function isExecutable(file: string): Promise<boolean> {
  return executable(file).then(
    () => true,
    () => false,
  );
}

async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, name);
    if (folder !== '' && (await isExecutable(file))) return file;
  }
  return undefined;
}

/** It outlives every clean checkout. */
function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'gridwatch', 'backends');
}

async function findBuilt(
  name: keyof typeof GO_PACKAGES,
  env: NodeJS.ProcessEnv,
  { modulesFolder = MODULES_FOLDER, tell = () => {} }: BackendSearch,
): Promise<BackendBinary> {
  const module = join(modulesFolder, name);
  const folder = join(cacheFolder(env), `${name}-${await hashOfModule(module)}`);
  const file = join(folder, name);
  if (await isExecutable(file)) return { file, origin: 'from the cache' };
  if ((await findOnPath('go', env)) === undefined) throw new Error('it is built with Go 1.26, and there is no `go`');
  tell(`building ${name}, which takes from one minute to half an hour; the next run finds it in ${folder}`);
  const startedMs = performance.now();
  await fill(file, folder, async (staging) => {
    const args = [...GO_BUILD, join(staging, name), GO_PACKAGES[name]];
    await execute('go', args, { cwd: module, env: { ...env, ...GO_ENV }, maxBuffer: 64 * 2 ** 20 });
  });
  return { file: await executable(file), origin: `built in ${Math.round((performance.now() - startedMs) / 1000)} s` };
}

/** Of all that decides what is built. */
async function hashOfModule(folder: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([GO_ENV, GO_BUILD]));
  const files = await readdir(folder);
  for (const file of files.toSorted()) hash.update(`\0${file}\0`).update(await readFile(join(folder, file)));
  return hash.digest('hex').slice(0, 16);
}

/** The one on PATH, else the one of Debian's package. */
async function findPackaged(
  name: keyof typeof DEBIAN_PACKAGES,
  env: NodeJS.ProcessEnv,
  { tell = () => {} }: BackendSearch,
): Promise<BackendBinary> {
  const { packageName, program } = DEBIAN_PACKAGES[name];
  const installed = (await findOnPath(name, env)) ?? (await findOnPath(program, env));
  if (installed !== undefined) return { file: installed, origin: 'installed' };
  const folder = join(cacheFolder(env), packageName);
  const file = join(folder, 'usr', 'bin', program);
  if (await isExecutable(file)) return { file, origin: 'from the cache' };
  if ((await findOnPath('apt-get', env)) === undefined)
    throw new Error(`it comes from Debian's package \`${packageName}\`, and there is no \`apt-get\``);
  tell(`unpacking Debian's package ${packageName}`);
  const startedMs = performance.now();
  await fill(file, folder, async (staging) => {
    await unpackDebian(packageName, staging, env);
    if (name === 'alertmanager' || name === 'amtool')
      await replaceIn(join(staging, ALERTMANAGER), TEMPLATES, UNPACKED_TEMPLATES);
  });
  const tookS = Math.round((performance.now() - startedMs) / 1000);
  return { file: await executable(file), origin: `unpacked from Debian's package in ${tookS} s` };
}

/** Downloads with the lists at hand, which may be too old or not there, and otherwise with lists of its own. */
async function unpackDebian(packageName: string, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const own = Object.entries(APT_FOLDERS).flatMap(([key, name]) => ['-o', `${key}=${join(folder, name)}`]);
  const options = { cwd: folder, env, maxBuffer: 64 * 2 ** 20 };
  const download = async (settings: readonly string[]): Promise<void> => {
    const names = packageName === NEEDS_OTHERS ? await missingPackages(packageName, settings, options) : [packageName];
    await execute('apt-get', [...settings, 'download', ...names], options);
  };
  try {
    await download([]);
  } catch {
    await Promise.all(
      ['lists/partial', 'archives/archives/partial'].map(async (part) =>
        mkdir(join(folder, part), { recursive: true }),
      ),
    );
    await execute('apt-get', [...own, 'update'], options);
    await download(own);
  }
  const files = (await readdir(folder)).filter((entry) => entry.endsWith('.deb'));
  if (files.length === 0) throw new Error(`apt-get downloaded no package ${packageName}`);
  for (const file of files.toSorted()) await execute('dpkg-deb', ['-x', file, '.'], options);
  await Promise.all(
    [...Object.values(APT_FOLDERS), ...files].map(async (part) =>
      rm(join(folder, part), { recursive: true, force: true }),
    ),
  );
}

/** What an installation would bring: the package, and those that it needs and that are not installed. */
async function missingPackages(
  packageName: string,
  settings: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<string[]> {
  const install = ['install', '--print-uris', '--yes', '--quiet=2', '--no-install-recommends', packageName];
  const { stdout } = await execute('apt-get', [...settings, ...install], options);
  const names = Array.from(stdout.matchAll(/^'[^']*' ([^_\s]+)_\S+\.deb /gm), ([, name = '']) => name);
  return names.includes(packageName) ? names : [packageName];
}

/** For Compose, wherever it lies: an installed one finds the same as without. */
export function composeEnvironment(file: string): NodeJS.ProcessEnv {
  return {
    PYTHONPATH: join(file, '..', '..', 'lib', 'python3', 'dist-packages'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

/** Both texts have the same length, so that nothing else moves. */
async function replaceIn(file: string, before: string, after: string): Promise<void> {
  const content = await readFile(file);
  for (let at = content.indexOf(before); at >= 0; at = content.indexOf(before, at)) content.write(after, at);
  await writeFile(file, content);
}

/** Everything happens in a folder of its own that is then given its name: two test runs may do this at once. */
async function fill(file: string, folder: string, work: (staging: string) => Promise<void>): Promise<void> {
  const parent = join(folder, '..');
  await mkdir(parent, { recursive: true });
  const staging = await mkdtemp(join(parent, 'making-'));
  try {
    await work(staging);
    await moveInto(staging, folder, file);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What another run has put there meanwhile stays. */
async function moveInto(staging: string, folder: string, file: string): Promise<void> {
  try {
    await rename(staging, folder);
  } catch (error) {
    if (await isExecutable(file)) return;
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
  }
}
