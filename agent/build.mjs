/**
 * Builds the published package: `agent/` becomes `dist/`. A plain script that runs on Node >= 20.19, before every
 * `npm start` and inside `npm pack`; the agent itself never loads it, and the package does not contain it. Two tools,
 * each for what it does best:
 *
 * - `tsc` emits every TypeScript file as an ES module with its declarations. The agent thread and the binary run from
 *   these.
 * - `esbuild` joins what each kind of thread loads into one file. dist/preload.js and dist/preload-worker.cjs are parsed
 *   before the program's first line (35 ns a byte, and eighteen small modules would cost 3 ms on top), so they are
 *   minified, and a worker does not read what only the main thread does. A worker's is CommonJS, because an ES module
 *   makes Node load its loader of ES modules, 200 kB in every worker. What only threads with promise locks need is a
 *   file of its own, dist/app-thread/lock-patches.cjs, and so is what those with pools or queues need, queue-patches.cjs, and
 *   the power model of those who call estimatePower(), dist/agent-thread/energy/power-model.cjs. The public entry points re-export from preload.js,
 *   so that `gridwatch` and the preload are the same module instance. dist/agent-thread/agent.js saves a process that
 *   ends at once 20 ms. dist/app-thread/sync/index.js, which programs load, shares nothing with these but a symbol of the
 *   global; dist/instrumentations.js, which they may load, requires the two files of patches. Joined files stand as deep below `dist/` as their sources below `agent/`: only those may resolve
 *   a path against `import.meta.url`. Packages are never joined.
 *
 * Nothing happens when neither sources nor output have changed. Output is staged first and moved file by file, so
 * that a program running from `dist/` never finds a half-written file. A failed build leaves `dist/` as it was.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const agentDir = dirname(fileURLToPath(import.meta.url));
const rootDir = dirname(agentDir);
const distDir = join(rootDir, 'dist');
const cacheDir = join(rootDir, '.cache'); // beside dist/, so that a file moves from one to the other in one step
const stagingDir = join(cacheDir, `dist-${process.pid}`);
const stampFile = join(cacheDir, 'build-stamp');
const requireFromHere = createRequire(import.meta.url);
const manifest = JSON.parse(readFileSync(join(rootDir, 'package.json'), 'utf8'));

/** Copied as they are: Node reads the gate before anything else, its declarations are written by hand, and the catalog is data. */
const COPIED = ['register.cjs', 'register.d.cts', 'catalog.json'];

/** Every file below `dir`, relative to it, in one fixed order; none when it does not exist. */
function filesBelow(dir) {
  let entries;
  try {
    entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  const prefixLength = dir.length + sep.length;
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(prefixLength))
    .toSorted();
}

/** A digest of all that decides the output, and of the output itself: a damaged `dist/` is built again. */
function fingerprint() {
  const hash = createHash('sha256');
  const files = [
    ...filesBelow(agentDir).map((file) => join(agentDir, file)),
    ...filesBelow(distDir).map((file) => join(distDir, file)),
    ...['package.json', 'tsconfig.json', 'tsconfig.build.json'].map((file) => join(rootDir, file)),
  ];
  for (const file of files) {
    const content = readFileSync(file);
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function isUpToDate() {
  try {
    return readFileSync(stampFile, 'utf8') === fingerprint();
  } catch {
    return false;
  }
}

/** What package.json exports as ES modules, relative to `dist/`. */
function publicModules() {
  const targets = Object.values(manifest.exports).map((entry) => (typeof entry === 'string' ? entry : entry.default));
  const modules = targets.filter((target) => target.startsWith('./dist/') && target.endsWith('.js'));
  return modules.map((target) => target.slice('./dist/'.length));
}

function emitWithTypeScript() {
  const compiler = join(dirname(requireFromHere.resolve('typescript/package.json')), 'bin', 'tsc');
  const args = [compiler, '-p', join(rootDir, 'tsconfig.build.json'), '--outDir', stagingDir, '--noEmitOnError'];
  const { status } = spawnSync(process.execPath, args, { cwd: rootDir, stdio: 'inherit' });
  if (status !== 0) throw new Error('tsc reports the errors above');
}

const ESBUILD_OPTIONS = {
  absWorkingDir: rootDir,
  outdir: stagingDir,
  outbase: agentDir,
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node22.15',
  logLevel: 'silent', // a failure's message lists all errors already
};

/** Modules that stay as `tsc` has emitted them, besides those of the command: others import them by their path. */
const UNJOINED = ['package-root.ts', 'agent-thread/main.ts'];

/** Takes back what `tsc` emitted of the modules that are joined: the joined files follow. */
async function removeJoined(build) {
  const ofCommand = filesBelow(agentDir).filter((file) => file.startsWith(`cli${sep}`) && file.endsWith('.ts'));
  const entries = [...ofCommand, ...UNJOINED].map((file) => join(agentDir, file));
  const options = { ...ESBUILD_OPTIONS, entryPoints: entries, external: ['./agent.ts'] };
  const { metafile } = await build({ ...options, write: false, metafile: true });
  const kept = new Set(Object.keys(metafile.inputs).map((file) => join(rootDir, file)));
  for (const file of publicModules()) kept.add(join(agentDir, file.replace(/\.js$/, '.ts')));
  for (const file of filesBelow(stagingDir)) {
    const source = join(agentDir, file.replace(/\.js$/, '.ts'));
    if (file.endsWith('.js') && !kept.has(source)) rmSync(join(stagingDir, file));
  }
}

/** Leaves package-root a module of its own: it is what says where the others are. */
const PACKAGE_ROOT_APART = {
  name: 'package-root apart',
  setup: (build) => {
    build.onResolve({ filter: /\/package-root\.ts$/ }, () => ({ path: '../package-root.js', external: true }));
  },
};

async function joinEachThreads(build) {
  await build({ ...ESBUILD_OPTIONS, entryPoints: [join(agentDir, 'preload.ts')], minify: true });
  const ofWorkers = { ...ESBUILD_OPTIONS, format: 'cjs', outExtension: { '.js': '.cjs' }, minify: true };
  await build({ ...ofWorkers, entryPoints: [join(agentDir, 'preload-worker.ts')] });
  for (const patches of ['lock-patches.ts', 'queue-patches.ts'])
    await build({ ...ofWorkers, entryPoints: [join(agentDir, 'app-thread', patches)] });
  await build({ ...ofWorkers, entryPoints: [join(agentDir, 'agent-thread', 'energy', 'power-model.ts')] });
  const agent = join(agentDir, 'agent-thread', 'agent.ts');
  await build({ ...ESBUILD_OPTIONS, entryPoints: [join(agentDir, 'app-thread', 'sync', 'index.ts')] });
  await build({ ...ESBUILD_OPTIONS, entryPoints: [join(agentDir, 'instrumentations.ts')] });
  await build({ ...ESBUILD_OPTIONS, entryPoints: [agent], plugins: [PACKAGE_ROOT_APART], minifyWhitespace: true });
}

/** Leaves the declarations a user can reach: those of the public entry points, and what they name. */
function removePrivateDeclarations() {
  const reached = new Set();
  const reach = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, path] of text.matchAll(/['"](\.[^'"]+)\.ts['"]/g)) reach(join(dirname(file), `${path}.d.ts`));
  };
  for (const entry of publicModules()) reach(join(stagingDir, entry.replace(/\.js$/, '.d.ts')));
  for (const file of filesBelow(stagingDir).map((name) => join(stagingDir, name))) {
    if (file.endsWith('.d.ts') && !reached.has(file)) rmSync(file);
  }
}

/** Brings `dist/` to the staged content, each file in one step; what is left over goes. */
function publishStaged() {
  const staged = filesBelow(stagingDir);
  for (const file of staged) {
    const from = join(stagingDir, file);
    const to = join(distDir, file);
    if (readFileSync(from, 'utf8').startsWith('#!')) chmodSync(from, 0o755);
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
  const kept = new Set(staged);
  for (const file of filesBelow(distDir)) if (!kept.has(file)) rmSync(join(distDir, file), { force: true });
}

if (!isUpToDate()) {
  const startedMs = performance.now();
  mkdirSync(stagingDir, { recursive: true });
  try {
    const { build } = await import('esbuild');
    emitWithTypeScript();
    removePrivateDeclarations();
    await removeJoined(build);
    await joinEachThreads(build);
    for (const file of COPIED) copyFileSync(join(agentDir, file), join(stagingDir, file));
    publishStaged();
    writeFileSync(stampFile, fingerprint());
    console.log(`built dist/ in ${Math.round(performance.now() - startedMs)} ms`);
  } catch (error) {
    console.error(`the build failed, dist/ is unchanged: ${error.message}`);
    process.exitCode = 1;
  } finally {
    rmSync(stagingDir, { recursive: true, force: true });
  }
}
