/**
 * The twin of `broken.js` in which a worker that waits for the storage fetches other pictures meanwhile.
 */
import { Piscina } from 'piscina';
import { clients } from '../service.js';

const pool = new Piscina({
  filename: new URL('./thumbnail.js', import.meta.url).href,
  name: 'makeThumbnail',
  minThreads: 2,
  maxThreads: 2,
  concurrentTasksPerWorker: 12,
});

clients(20, 50, (client) => pool.run({ picture: client }));
