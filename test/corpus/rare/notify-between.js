/** The consumer looks, then waits: a notification in between is for nobody. */
// expects: exit 3
import { crew, spin } from '../crew.js';

const [READY, BELL, MISSED] = [0, 1, 2];
const shared = { words: new Int32Array(new SharedArrayBuffer(12)) };
const parts = {
  consumer({ meet, shared: { words } }) {
    /* The first wait of a thread takes longer to begin. */
    Atomics.wait(words, BELL, 0, 1);
    for (let round = 1; round <= 5; round++) {
      meet();
      if (Atomics.load(words, READY) >= round) continue;
      if (Atomics.wait(words, BELL, 0, 500) === 'timed-out') words[MISSED] = 1;
    }
  },
  producer({ meet, shared: { words } }) {
    for (let round = 1; round <= 5; round++) {
      meet();
      spin(4);
      Atomics.store(words, READY, round);
      Atomics.notify(words, BELL);
    }
  },
};
await crew(import.meta.url, parts, shared);
if (shared.words[MISSED] === 1) process.exitCode = 3;
