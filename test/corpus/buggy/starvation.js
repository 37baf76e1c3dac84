// One thread gives the lock back only to take it again at once; another waits for seconds.
// expects: finding starvation orders
import { Mutex } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const orders = new Mutex('orders');
const greedy = ({ meet }) => {
  meet();
  for (const end = Date.now() + 6000; Date.now() < end; ) {
    const lease = orders.acquire();
    for (const work = performance.now() + 0.5; performance.now() < work; );
    lease.release();
  }
};
const modest = ({ meet }) => {
  meet();
  for (const end = Date.now() + 5000; Date.now() < end; pause(5)) orders.withLock(() => {});
};
await crew(import.meta.url, { greedy, modest });
