/**
 * GridwatchLockWaitLong: a shop's catalogue is exported every few seconds, and the export holds the lock on it until the last page has been sent. Between two
 * exports the lock is as good as free; a request that comes during one waits for nearly half a second.
 *
 * The way out is `fixed.js`: the export copies the catalogue under the lock, and sends the copy without it.
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

function exportAll() {
  return catalogue.lock.runExclusive(async () => {
    // A mistake to find: it is sent under the lock.
    for (let page = 0; page < PAGES; page++) await pause(SEND_PAGE_MS);
  });
}

clients(2, 25, () => price('tea'));
clients(1, EXPORT_EVERY_MS, exportAll);
