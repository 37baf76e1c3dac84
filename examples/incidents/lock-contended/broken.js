/**
 * GridwatchLockContended: each order gets the next number, and is saved, under one lock. It has to be held for as long as the database takes, so orders are saved
 * one after the other, however many come at once, and nearly every one of them waits.
 *
 * The way out is `fixed.js`: only the number is taken under the lock, and the order is saved without it.
 */
import { Mutex } from 'async-mutex';
import { clients, pause } from '../service.js';

const DATABASE_MS = 10;
const numbers = new Mutex();
let lastNumber = 0;

const save = async () => pause(DATABASE_MS);

function order() {
  return numbers.runExclusive(async () => {
    const number = ++lastNumber;
    // A mistake to find: it is saved under the lock.
    await save({ number });
    return number;
  });
}

clients(5, 5, order);
