/**
 * Demonstrates what contention costs in energy. The same work, objects that are changed again and again, done in sequence, by independent threads, by threads that
 * share the objects with a lock each (that spins, that parks, that does one after the other, that keeps the order), and by threads that own the objects
 * and are sent messages. It is after arXiv 2603.04782, which asks this of Python without a GIL: independent threads are faster, and take energy
 * by their time; contention over small things is slower than one thread alone, and dearer. The same is measured of the Python that is here, if any.
 *
 * What shows it: the tables that it prints, and writes into a folder with a picture. Each run is a process of its own and is measured from outside, by the kernel's
 * counts of CPU time and runnable delay, in an order at random. Energy is measured where this user may read the processors' counters, else
 * `estimatePower` of Gridwatch. In a program with the agent `gridwatch.process.energy`, `gridwatch.thread.energy` and `gridwatch.lock.wait.duration` tell of the same.
 *
 * What to see:
 * - a thread that is parked costs nothing, one that spins costs a busy core; dearest is a lock that is handed over in order between more threads than CPUs, for
 *   then every change pays for a switch of threads, and a message for every small change is not far behind;
 * - active energy goes with CPU time, idle energy with time: who is faster by the same CPU time saves the idle part. By the model, a CPU-second of a half-used
 *   machine is cheaper than one of a fully used one, by the load curve, so independent threads can be above 1 in active energy alone;
 * - with more threads than CPUs spinning loses: the holder has no CPU, which is what runnable delay shows;
 * - a Python with a GIL keeps one CPU busy, however many threads there are.
 *
 *     node examples/energy-of-contention/main.js            # under five minutes on two cores; no other program should be running
 *     node examples/energy-of-contention/main.js --quick    # the shape, in less than one
 *
 * Its variables, all optional: CONTENTION_ROUNDS (5), CONTENTION_MS of a run (250), CONTENTION_THREADS (2,4,8), CONTENTION_SEED, CONTENTION_OUT (the folder),
 * CONTENTION_PYTHON (python3).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEnergy } from './machine.js';
import { measure } from './measure.js';
import { cellsOf, PYTHON_FILE, settingsOf } from './plan.js';
import { plotOf } from './plot.js';
import { reportOf, tablesOf } from './report.js';
import { randomOf, shuffled } from './statistics.js';

/** After this no new round begins, if there have been two: a machine that is busy otherwise takes longer. */
const BUDGET_MS = 230_000;

/** What the Python here says of itself; undefined without one. */
function pythonOf(program) {
  const { status, stdout } = spawnSync(program, [PYTHON_FILE, 'about'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : undefined;
}

async function runAll(cells, { rounds, seed }, energy) {
  const random = randomOf(seed);
  const runs = [];
  const startMs = performance.now();
  for (let round = 0; round < rounds; round++) {
    if (round >= 2 && performance.now() - startMs > BUDGET_MS) break;
    for (const { command, ...cell } of shuffled(cells, random))
      runs.push({ ...cell, round, ...(await measure(command, energy)) });
    console.error(`round ${round + 1} of ${rounds} after ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
  }
  return runs;
}

const options = { quick: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } };
const { quick, help } = parseArgs({ options }).values;
if (help) {
  console.log('node examples/energy-of-contention/main.js [--quick]    The head of that file has the rest.');
  process.exit();
}
const settings = settingsOf(process.env, quick);
const python = pythonOf(settings.python);
const pythonSays = python ?? 'There is no python3 here, so its twin is left out.';
const energy = await openEnergy();
const runs = await runAll(cellsOf(settings, python !== undefined), settings, energy);
const machine = `${cpus()[0]?.model ?? 'CPU not known'}, ${cpus().length} CPUs, Node ${process.version}`;
const report = reportOf({ runs, energy, pythonSays, settings, machine });

const title = `Active energy for the same work, sequential = 1 (${energy.isMeasured ? 'measured' : 'estimated'})`;
mkdirSync(settings.folder, { recursive: true });
writeFileSync(join(settings.folder, 'contention.md'), `${report}\n`);
writeFileSync(join(settings.folder, 'contention.svg'), plotOf({ title, panels: tablesOf(runs) }));
writeFileSync(join(settings.folder, 'runs.json'), `${JSON.stringify(runs)}\n`);
console.log(`${report}\n\nWritten to ${settings.folder}: contention.md, contention.svg, runs.json`);
