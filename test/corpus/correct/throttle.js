/** Six threads, two permits. */
// expects: nothing
import { Semaphore } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const connections = new Semaphore('connections', { permits: 2 });
const ask = () => {
  for (let i = 0; i < 20; i++) connections.withLock(() => pause(1));
};
await crew(import.meta.url, { a: ask, b: ask, c: ask, d: ask, e: ask, f: ask });
