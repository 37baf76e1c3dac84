/**
 * The twin of `broken.js` in which orders are saved at the same time: the lock is held for as long as it takes to count.
 */
import { Mutex } from 'async-mutex';
import { clients, pause } from '../service.js';

const DATABASE_MS = 10;
const numbers = new Mutex();
let lastNumber = 0;

const save = async () => pause(DATABASE_MS);

async function order() {
  const number = await numbers.runExclusive(() => ++lastNumber);
  await save({ number });
  return number;
}

clients(5, 5, order);
