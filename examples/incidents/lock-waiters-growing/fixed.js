/**
 * The twin of `broken.js` in which prices of different products are refreshed at the same time: each product has a lock of its own.
 */
import { Mutex } from 'async-mutex';
import { impatientClients, pause } from '../service.js';

const SUPPLIER_MS = 5;
const PRODUCTS = 100;
const prices = new Map();
const locks = Array.from({ length: PRODUCTS }, () => new Mutex());

function refresh(product) {
  return locks[product].runExclusive(async () => {
    await pause(SUPPLIER_MS);
    prices.set(product, Date.now());
  });
}

impatientClients(30, (number) => refresh(number % PRODUCTS));
