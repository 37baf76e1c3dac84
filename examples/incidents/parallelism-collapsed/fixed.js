/**
 * The twin of `broken.js` in which parcels wait for their turn, and no thread does: as many calls, by one thread that has time for other things.
 */
import { Semaphore } from 'gridwatch/sync';
import { clients, pause } from '../service.js';

const SENDERS = 4;
const CALL_MS = 30;
const carrier = new Semaphore('carrier', { permits: 1 });

clients(SENDERS, 0, () => carrier.withLockAsync(() => pause(CALL_MS)));
