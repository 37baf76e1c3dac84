/** An activity gives its wait up by a signal. */
// expects: nothing
import { Mutex } from 'gridwatch/sync';
import { later } from '../crew.js';

const orders = new Mutex('orders');
await orders.withLockAsync(async () => {
  const wait = orders.acquireAsync({ signal: AbortSignal.timeout(200) });
  await wait.catch((error) => {
    if (error.name !== 'TimeoutError') throw error;
  });
  await later(1);
});
