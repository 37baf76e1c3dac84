/**
 * Runs the project's checks and tests: `node test/run.cjs <step>... [arguments for vitest]`. It is what the scripts of
 * package.json call.
 *
 * Any Node of this decade can run this file, so it is written in ES5. The tools and tests need a newer one: the Node
 * at hand when it will do, otherwise the one `npm install` has put into node_modules. A failing step does not stop the
 * later ones, and what failed is named once more at the end. The last line printed is `N passed, N failed`, over all steps: each test counts as one, and so does a
 * failing step without tests. The exit code is 0 only when tests or checks ran and nothing failed.
 */
'use strict';

var childProcess = require('node:child_process');
var fs = require('node:fs');
var os = require('node:os');
var path = require('node:path');

var root = path.dirname(__dirname);
var tallyFile = path.join(os.tmpdir(), 'gridwatch-tally-' + process.pid + '.json');

/** Each step's script and arguments, those for a run of all its tests, and whether it leaves a tally. */
var STEPS = {
  build: { script: ['agent', 'build.mjs'], args: [] },
  format: { bin: ['@biomejs/biome', 'biome'], args: ['check', '--reporter=summary', '.'] },
  lint: { bin: ['oxlint', 'oxlint'], args: [] },
  types: { bin: ['typescript', 'tsc'], args: ['--noEmit'] },
  knip: { bin: ['knip', 'knip'], args: [] },
  catalog: { script: ['test', 'catalog', 'main.ts'], args: ['--check'] },
  'write-catalog': { script: ['test', 'catalog', 'main.ts'], args: [] },
  'write-dashboards': { script: ['collector-config', 'dashboards', 'source', 'main.ts'], args: [] },
  unit: { bin: ['vitest', 'vitest'], args: ['run', '--project', 'unit'], whole: ['--coverage'], tests: true },
  stress: { bin: ['vitest', 'vitest'], args: ['run', '--project', 'stress'], tests: true },
  integration: { bin: ['vitest', 'vitest'], args: ['run', '--project', 'integration'], tests: true },
  e2e: { bin: ['vitest', 'vitest'], args: ['run', '--project', 'e2e'], tests: true },
  beside: { bin: ['vitest', 'vitest'], args: ['run', '--project', 'beside'], tests: true },
  bench: { script: ['test', 'bench', 'main.ts'], args: [] }
};

/** The tests run TypeScript without a build, which Node does from 22.18 on; vitest excludes 23 and 25. */
function canRunTests(version) {
  var parts = /^v?(\d+)\.(\d+)\./.exec(version);
  if (!parts) return false;
  var major = Number(parts[1]);
  return (major === 22 && Number(parts[2]) >= 18) || major === 24 || major >= 26;
}

/** The Node for all steps, or undefined: the packaged one may be missing, or need a C library this system lacks. */
function findNode() {
  if (canRunTests(process.version)) return process.execPath;
  var packaged = path.join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  var answer = childProcess.spawnSync(packaged, ['--version'], { encoding: 'utf8' });
  return answer.status === 0 && canRunTests(answer.stdout) ? packaged : undefined;
}

/** The file behind a package's command, so that no shell and no platform's wrapper stands in between. */
function commandFile(packageName, command) {
  var dir = path.join(root, 'node_modules', packageName);
  var bin = JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).bin;
  return path.join(dir, typeof bin === 'string' ? bin : bin[command]);
}

function readTally() {
  try {
    return JSON.parse(fs.readFileSync(tallyFile, 'utf8'));
  } catch (error) {
    return { passed: 0, failed: 0, failures: [], skipped: [] };
  } finally {
    fs.rmSync(tallyFile, { force: true });
  }
}

function secondsSince(startedMs) {
  return ((Date.now() - startedMs) / 1000).toFixed(1);
}

/** Runs one step in the foreground; returns its tally. */
function runStep(node, name, extraArgs) {
  var step = STEPS[name];
  var file = step.script ? path.join.apply(path, [root].concat(step.script)) : commandFile(step.bin[0], step.bin[1]);
  var env = Object.assign({}, process.env, { GRIDWATCH_TEST_TALLY: tallyFile });
  // What the tests start by the name `node` is the same Node.
  env.PATH = path.dirname(node) + path.delimiter + (process.env.PATH || '');
  var isWhole = extraArgs.length === 0;
  var args = [file].concat(step.args, isWhole ? step.whole || [] : step.tests || name === 'bench' ? extraArgs : []);
  var startedMs = Date.now();
  console.log('\n=== ' + name);
  var result = childProcess.spawnSync(node, args, { cwd: root, stdio: 'inherit', env: env });
  var tally = readTally();
  tally.hasFailed = result.status !== 0 || tally.failed > 0;
  var how = tally.hasFailed ? 'FAILED (' + (result.signal || 'exit code ' + result.status) + ')' : 'ok';
  if (tally.hasFailed && tally.failed === 0) {
    tally.failed = 1;
    tally.failures = ['the step itself: ' + how];
  }
  console.log('=== ' + name + ': ' + how + ', ' + secondsSince(startedMs) + ' s');
  return tally;
}

function main(args) {
  var names = [];
  while (args.length > names.length && STEPS[args[names.length]]) names.push(args[names.length]);
  if (names.length === 0) {
    console.error('usage: node test/run.cjs <step>... [arguments]; steps: ' + Object.keys(STEPS).join(', '));
    return 1;
  }
  var node = findNode();
  if (!node) {
    console.error(
      [
        'The tests need Node 22.18, 24, or 26 and later; this is ' + process.version + '.',
        'The Node 24 that `npm install` brings is not there or does not start: repeat it without --ignore-scripts and',
        '--omit=optional. On musl, or where there is none for the platform, put such a Node first in PATH.'
      ].join('\n')
    );
    return 1;
  }
  var startedMs = Date.now();
  var total = { passed: 0, failed: 0, failures: [], skipped: [] };
  names.forEach(function (name) {
    var tally = runStep(node, name, args.slice(names.length));
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped = total.skipped.concat(tally.skipped);
    tally.failures.forEach(function (line) {
      total.failures.push(name + ': ' + line);
    });
  });
  console.log('');
  total.skipped.forEach(function (line) {
    console.log('skipped: ' + line);
  });
  console.log('time: ' + secondsSince(startedMs) + ' s');
  total.failures.forEach(function (line) {
    console.log('failed: ' + line);
  });
  var skippedPart = total.skipped.length > 0 ? ', ' + total.skipped.length + ' skipped' : '';
  console.log(total.passed + ' passed, ' + total.failed + ' failed' + skippedPart);
  return total.failed > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
