/** Two promise locks in one thread, nothing blocked, nothing ever done. */
// expects: deadlock async-mutex@promise-abba.js:7, async-mutex@promise-abba.js:8
import { Mutex } from 'async-mutex';
import { gathering } from '../crew.js';

// biome-ignore format: each on a line of its own, by which it is told
const orders = new Mutex();
const customers = new Mutex();
const haveBoth = gathering(2);
const both = (first, second) =>
  first.runExclusive(async () => {
    await haveBoth();
    await second.runExclusive(() => {});
  });
const alive = setInterval(() => {}, 1000);
await Promise.all([both(orders, customers), both(customers, orders)]);
clearInterval(alive);
