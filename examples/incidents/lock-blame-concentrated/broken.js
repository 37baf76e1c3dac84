/**
 * GridwatchLockBlameConcentrated: visits are booked under a lock, each in no time. A report adds them up under the same lock, five times a second, and
 * takes its time. The lock is free for most of the time, but nearly all of the waiting for it is for one place in the program.
 *
 * The way out is `fixed.js`: the report takes the sum as it is, and reads what belongs to it without the lock.
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
  // A mistake to find: nobody else needs the lock for names.
  await ledger.lock.withLockAsync(async () => {
    const names = await readNames();
    return { names, visits: ledger.visits };
  });
}

clients(4, 20, book);
clients(1, 400, cancel);
clients(1, REPORT_EVERY_MS, report);
