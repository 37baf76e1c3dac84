/** A callback starts work on its own lock and does not wait for it. */
// expects: nothing
import { Mutex } from 'async-mutex';
import { later } from '../crew.js';

const orders = new Mutex();
const started = [];
for (let round = 0; round < 5; round++) {
  await orders.runExclusive(async () => {
    started.push(orders.runExclusive(() => later(1)));
    await later(150);
  });
}
await Promise.all(started);
