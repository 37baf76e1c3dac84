/** A lock is wanted again by the very callback that has it. */
// expects: deadlock orders
import { Mutex } from 'gridwatch/sync';

const orders = new Mutex('orders');
await orders.withLockAsync(async () => {
  await orders.withLockAsync(() => {});
});
