/** A lock is held while a large heap is collected. */
// expects: finding held_across_gc cache
// allows: finding held_across_turn
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Mutex } from 'gridwatch/sync';
import { crew, later } from '../crew.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const cache = new Mutex('cache');
await crew(import.meta.url, {
  async main({ meet }) {
    const kept = Array.from({ length: 1_500_000 }, (_, i) => ({ i }));
    const lease = cache.acquire();
    meet();
    for (let times = 0; times < 3; times++) collect();
    lease.release();
    await later(1000);
    return kept;
  },
  reader({ meet }) {
    meet();
    cache.withLock(() => {});
  },
});
