/** A promise lock is wanted by the callback that has it. */
// expects: deadlock async-mutex@promise-self.js:5
import { Mutex } from 'async-mutex';

const orders = new Mutex();
const alive = setInterval(() => {}, 1000);
await orders.runExclusive(() => orders.runExclusive(() => {}));
clearInterval(alive);
