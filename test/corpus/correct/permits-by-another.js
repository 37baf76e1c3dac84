/** A permit more is not needed to go on: the other one has only to finish. */
// expects: nothing
import { Semaphore } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const connections = new Semaphore('connections', { permits: 2 });
await crew(import.meta.url, {
  greedy({ meet }) {
    connections.acquire();
    meet();
    connections.acquire().release();
    connections.release();
  },
  slow: ({ meet }) => connections.withLock(() => [meet(), pause(700)]),
});
