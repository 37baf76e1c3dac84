/**
 * GridwatchPoolSaturated: a pool of two workers makes thumbnails. Each worker does one at a time, and most of that is waiting for the storage. Both count as
 * working without a pause, nobody uses a CPU, and whoever wants a thumbnail waits for seconds.
 *
 * The way out is `fixed.js`: a worker fetches several pictures at once.
 */
import { Piscina } from 'piscina';
import { clients } from '../service.js';

const pool = new Piscina({
  filename: new URL('./thumbnail.js', import.meta.url).href,
  name: 'makeThumbnail',
  minThreads: 2,
  maxThreads: 2,
  // A mistake to find: while it waits, a worker could fetch others.
  concurrentTasksPerWorker: 1,
});

clients(20, 50, (client) => pool.run({ picture: client }));
