/**
 * What `npm start` runs: picks a Node that is new enough for the agent, says in one line which, and starts the shop
 * under `gridwatch run --ui` with it, or the example that it is told: `node examples/start.cjs incidents/deadlock/broken`. Runs in a process of its own on whatever Node the reader has, hence ES5. It
 * adds nothing of its own to what the shop does: terminal, exit status and signals are passed through. To Gridwatch it
 * names the shop's lock, which looks like an idle pool's wait until somebody does.
 *
 * `npm install` brings Node 24 as the optional package `node`, whose binary an install script puts in place. That
 * script may have been forbidden, may have failed, or may have brought a binary that cannot run here: each case has
 * its sentence in `adviceFor`.
 */
'use strict';

var childProcess = require('node:child_process');
var fs = require('node:fs');
var path = require('node:path');

var MINIMUM_NODE = '22.15.0';
var ROOT = path.join(__dirname, '..');
var BUILD = path.join(ROOT, 'agent', 'build.mjs');
var CLI = path.join(ROOT, 'dist', 'cli', 'main.js');
var SHOP = 'shop/server';
var LOCK_SITE = 'examples/shop/lock.js:15';
var PACKAGE = path.join(ROOT, 'node_modules', 'node');
var PISCINA = path.join(ROOT, 'node_modules', 'piscina');
var INSTALL_NODE = 'Install Node 24 from https://nodejs.org and run `npm start` with it.';

/**
 * Decides from facts alone, so that every platform can be tested on one. `program` is what it is for, in words.
 * Returns `{ execPath, line }`, or `{ line }` with what to do when no Node will serve.
 */
function chooseNode(machine, program) {
  var runs = ' runs ' + (program || 'the shop');
  var running = machine.running;
  var packaged = machine.packaged;
  if (running.isNode && isNewEnough(running.version)) {
    var origin = running.isPackaged ? 'the one packaged with the examples' : running.execPath;
    return { execPath: running.execPath, line: 'Node ' + running.version + runs + ' (' + origin + ').' };
  }
  var why = running.isNode
    ? 'Node ' + running.version + ' is too old for the agent, which needs ' + MINIMUM_NODE + ' or newer'
    : 'This is ' + running.name + ', and the agent needs Node ' + MINIMUM_NODE + ' or newer';
  if (packaged.state === 'runs') {
    return { execPath: packaged.execPath, line: why + '; the packaged Node ' + packaged.version + runs + '.' };
  }
  return { line: why + '. ' + adviceFor(machine) };
}

/** What to do when the packaged Node cannot be used. */
function adviceFor(machine) {
  var state = machine.packaged.state;
  if (machine.platform === 'linux' && machine.isMusl) {
    return 'The packaged Node needs glibc, and this system has musl: use the image `node:24-alpine`, or install Node 24 with the package manager.';
  }
  if (state === 'no binary') {
    return 'The packaged Node is missing because install scripts did not run (`--ignore-scripts`?): run `npm rebuild node --ignore-scripts=false`.';
  }
  if (state === 'fails') {
    return 'The packaged Node does not start (' + machine.packaged.error + '). ' + INSTALL_NODE;
  }
  if (machine.platform === 'darwin') {
    return (
      'No Node is packaged for macOS' + (machine.arch === 'arm64' ? ' on Apple Silicon' : '') + '. ' + INSTALL_NODE
    );
  }
  if (machine.platform === 'linux' && (machine.arch === 'x64' || machine.arch === 'arm64')) {
    return 'The packaged Node is not installed (`--omit=optional`, or its download failed): run `npm install --include=optional`.';
  }
  return 'No Node is packaged for ' + machine.platform + ' ' + machine.arch + '. ' + INSTALL_NODE;
}

/** Compares numbers only: a nightly or release candidate of a new enough version counts as new enough. */
function isNewEnough(version) {
  var has = version.split(/[.-]/);
  var needs = MINIMUM_NODE.split('.');
  for (var i = 0; i < needs.length; i++) {
    if (Number(has[i]) !== Number(needs[i])) return Number(has[i]) > Number(needs[i]);
  }
  return true;
}

/** Looks at this machine; starts the packaged Node once, to see whether it does, only if the running one is too old. */
function inspectMachine() {
  var name = process.versions.bun ? 'Bun' : process.versions.deno ? 'Deno' : 'Node';
  var packagedPath = path.join(PACKAGE, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  var running = {
    name: name,
    isNode: name === 'Node',
    version: process.versions.node,
    execPath: process.execPath,
    isPackaged: realPath(process.execPath) === realPath(packagedPath)
  };
  var isEnough = running.isNode && isNewEnough(running.version);
  return {
    platform: process.platform,
    arch: process.arch,
    isMusl: !isEnough && process.platform === 'linux' && !hasGlibc(),
    running: running,
    packaged: isEnough ? { state: 'not needed' } : inspectPackage(packagedPath)
  };
}

function inspectPackage(execPath) {
  if (!fs.existsSync(PACKAGE)) return { state: 'absent' };
  if (!fs.existsSync(execPath)) return { state: 'no binary' };
  var answer = childProcess.spawnSync(execPath, ['--version'], { encoding: 'utf8', timeout: 20000 });
  if (answer.status === 0) return { state: 'runs', execPath: execPath, version: answer.stdout.trim().slice(1) };
  var error = answer.error ? answer.error.code : answer.signal || 'exit code ' + answer.status;
  return { state: 'fails', error: error };
}

function hasGlibc() {
  if (!process.report || !process.report.getReport) return true; // a Node from before there were builds for musl
  var report = process.report.getReport();
  if (typeof report === 'string') report = JSON.parse(report);
  return Boolean(report.header.glibcVersionRuntime);
}

function realPath(file) {
  try {
    return fs.realpathSync(file);
  } catch (_) {
    return undefined;
  }
}

function main() {
  var example = process.argv[2] || SHOP;
  var file = path.join('examples', /\.[cm]?js$/.test(example) ? example : example + '.js');
  if (!fs.existsSync(path.join(ROOT, file)))
    return fail('There is no ' + file + ': examples/README.md names what there is.');
  var choice = chooseNode(inspectMachine(), example === SHOP ? 'the shop' : file);
  if (!choice.execPath) return fail(choice.line);
  if (!fs.existsSync(PISCINA)) return fail('The packages are not installed: run `npm install` first.');
  say(choice.line);
  // Not left to a "prestart" script: npm skips those with --ignore-scripts, and would use the Node that is too old.
  var build = childProcess.spawnSync(choice.execPath, [BUILD], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  if (build.status !== 0) return fail('The agent could not be built; the reason stands above.');
  run(choice.execPath, file);
}

function say(line) {
  process.stderr.write('gridwatch: ' + line + '\n');
}

function fail(line) {
  say(line);
  process.exitCode = 1;
}

/** Runs the example with this process's terminal, and ends as it ends. */
function run(execPath, file) {
  var env = Object.assign({ GRIDWATCH_ATOMICS_SITES: LOCK_SITE }, process.env);
  var child = childProcess.spawn(execPath, [CLI, 'run', '--ui', file], { cwd: ROOT, stdio: 'inherit', env: env });
  var signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  signals.forEach(function (signal) {
    process.on(signal, function () {
      // A terminal sends Ctrl-C to the child as well: passing it on would make two of one.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on('error', function (error) {
    fail(execPath + ' does not start: ' + error.message);
  });
  child.on('exit', function (code, signal) {
    if (!signal) process.exit(code);
    signals.forEach(function (name) {
      process.removeAllListeners(name);
    });
    process.kill(process.pid, signal);
  });
}

module.exports = { LOCK_SITE: LOCK_SITE, MINIMUM_NODE: MINIMUM_NODE, chooseNode: chooseNode };

if (require.main === module) main();
