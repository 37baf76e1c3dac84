/** Siblings queue at one promise lock inside the same request: each waits for another, none for itself. */
// expects: nothing
import { Mutex } from 'async-mutex';
import { later } from '../crew.js';

const orders = new Mutex();
for (let request = 0; request < 5; request++)
  await Promise.all(Array.from({ length: 10 }, () => orders.runExclusive(() => later(3))));
