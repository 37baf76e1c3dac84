/**
 * GridwatchLockWaitersGrowing: a cache refreshes each price that somebody asks for, one after the other under a single lock. More are asked for than one at a time
 * can be refreshed, and nobody is told to come later: those who wait are more each second.
 *
 * The way out is `fixed.js`: a lock for each product, which only keeps the same price from being refreshed twice at once.
 */
import { Mutex } from 'async-mutex';
import { impatientClients, pause } from '../service.js';

const SUPPLIER_MS = 5;
const PRODUCTS = 100;
const prices = new Map();
const cache = new Mutex();

function refresh(product) {
  // A mistake to find: one lock for all.
  return cache.runExclusive(async () => {
    await pause(SUPPLIER_MS);
    prices.set(product, Date.now());
  });
}

impatientClients(30, (number) => refresh(number % PRODUCTS));
