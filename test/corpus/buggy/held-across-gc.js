/**
 * A lock is held while a large heap is collected. It goes on until that is told: on a busy machine the other thread may not have begun its wait by then, or not be back from
 * it for longer than the collection lasts.
 */
// expects: finding held_across_gc cache
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Mutex } from 'gridwatch/sync';
import { crew, later, pause } from '../crew.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const cache = new Mutex('cache');
await crew(import.meta.url, {
  async main({ meet }) {
    const kept = Array.from({ length: 1_500_000 }, (_, i) => ({ i }));
    meet();
    while (kept.length > 0) {
      cache.withLock(() => collect());
      /* A thread tells of its collections when its event loop turns. */
      await later(50);
    }
  },
  reader({ meet }) {
    meet();
    for (;;) {
      cache.withLock(() => {});
      pause(1);
    }
  },
});
