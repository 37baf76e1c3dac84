/**
 * GridwatchAgentDropping: each cart of a shop has a lock, which is named after its number. A name is for what stays the same: the agent has room for thousands of them, and
 * tells nothing of the locks beyond those, whichever they are.
 *
 * The way out is `fixed.js`: a few locks, each for many carts, so that two carts seldom want the same one.
 */
import { Mutex } from 'gridwatch/sync';
import { pause } from '../service.js';

const CARTS = 20;

for (let cart = 0; ; cart += CARTS) {
  for (let at = 0; at < CARTS; at++) {
    // A mistake to find: a name that never comes again.
    const lock = new Mutex({ name: `cart ${cart + at}`, buffer: new SharedArrayBuffer(Mutex.BYTES) });
    await lock.withLockAsync(() => {});
  }
  await pause(50);
}
