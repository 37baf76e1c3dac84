/*
 * Loaded into the soaked program by --require, as a module of its own would be: starts short-lived workers, one after the other, and says now and then how
 * many there were and how many handles the program has.
 */
'use strict';

const { writeSync } = require('node:fs');
const { Worker, isMainThread } = require('node:worker_threads');

const START_INTERVAL_MS = 160;
const SAY_INTERVAL_MS = 10_000;
/** Of workers that live at once: a machine that cannot keep up starts fewer. */
const MAX_AT_ONCE = 4;
const CODE = 'const kept = Array.from({ length: 1e4 }, (_, i) => ({ i })); if (kept.length === 0) throw new Error();';

let started = 0;
let living = 0;

function startOne() {
  if (living >= MAX_AT_ONCE) return;
  started++;
  living++;
  new Worker(CODE, { eval: true, name: `short-${started % 100}` }).on('exit', () => {
    living--;
  });
}

if (isMainThread) {
  setInterval(startOne, START_INTERVAL_MS).unref();
  setInterval(() => {
    const handles = process.getActiveResourcesInfo().length;
    writeSync(1, `soak ${JSON.stringify({ handles, workers: started })}\n`);
  }, SAY_INTERVAL_MS).unref();
}
