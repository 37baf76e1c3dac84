/**
 * The twin of `broken.js` in which each of 64 locks is for many carts: two that are changed at once seldom have the same, and nothing is made for a single one.
 */
import { Mutex } from 'gridwatch/sync';
import { pause } from '../service.js';

const CARTS = 20;
const locks = Array.from({ length: 64 }, (_, at) => new Mutex(`carts ${at}`));

for (let cart = 0; ; cart += CARTS) {
  for (let at = 0; at < CARTS; at++) {
    const lock = locks[(cart + at) % locks.length];
    await lock.withLockAsync(() => {});
  }
  await pause(50);
}
