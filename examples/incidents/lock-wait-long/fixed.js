/**
 * The twin of `broken.js` in which nobody waits for the export: it holds the lock while it copies, and sends without it.
 */
import { Mutex } from 'async-mutex';
import { clients, pause } from '../service.js';

const EXPORT_EVERY_MS = 5000;
const PAGES = 4;
const SEND_PAGE_MS = 100;

const catalogue = { lock: new Mutex(), prices: new Map([['tea', 3]]) };

const price = (name) =>
  catalogue.lock.runExclusive(async () => {
    await pause(1);
    return catalogue.prices.get(name);
  });

async function exportAll() {
  const prices = await catalogue.lock.runExclusive(() => new Map(catalogue.prices));
  for (let page = 0; page < PAGES; page++) await pause(SEND_PAGE_MS);
  return prices.size;
}

clients(2, 25, () => price('tea'));
clients(1, EXPORT_EVERY_MS, exportAll);
