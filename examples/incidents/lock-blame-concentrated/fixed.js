/**
 * The twin of `broken.js` in which the report holds the lock for no longer than a booking does.
 */
import { Mutex } from 'gridwatch/sync';
import { clients, pause } from '../service.js';

const REPORT_EVERY_MS = 150;
const ledger = { lock: new Mutex('ledger'), visits: 0 };

async function book() {
  await ledger.lock.withLockAsync(() => ++ledger.visits);
}

/** Whoever does not come is taken out of the calendar as well, which takes a moment. */
async function cancel() {
  await ledger.lock.withLockAsync(async () => {
    ledger.visits--;
    await pause(5);
  });
}

/** Reads the names that belong to the figures, which takes a while. */
const readNames = () => pause(50);

async function report() {
  const names = await readNames();
  await ledger.lock.withLockAsync(() => ({ names, visits: ledger.visits }));
}

clients(4, 20, book);
clients(1, 400, cancel);
clients(1, REPORT_EVERY_MS, report);
