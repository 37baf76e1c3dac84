/**
 * GridwatchGcPauseLong: an index of some million small objects is kept in memory, and somebody wanted the process to be small: every few seconds all garbage is collected
 * at once. That is one pause, as long as it takes to look at all of the index, and whatever is due meanwhile waits.
 *
 * The way out is `fixed.js`: the index is in two typed arrays, and V8 collects when there is a need to.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { clients } from '../service.js';

const WORDS = 1_000_000;
const CLEAN_EVERY_MS = 5000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

const index = Array.from({ length: WORDS }, (_, word) => ({ word, page: word % 1000, next: { line: word % 50 } }));

/** Each answer is made of thousands of strings, and is garbage when it has been sent. */
async function answer(_, number) {
  const lines = Array.from({ length: 12_000 }, (_line, at) => `${index[(number * 12_000 + at) % WORDS].page}: ${at}`);
  return lines.join('\n').length;
}

clients(1, 10, answer);
// A mistake to find: V8 knows better when to.
setInterval(() => collectGarbage(), CLEAN_EVERY_MS);
