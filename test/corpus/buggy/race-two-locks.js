/** Each has a lock, but not the same. */
// expects: finding race stock
// env: GRIDWATCH_RACES=on
import { guarded, Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [stock, shelf] = [new Mutex('stock'), new Mutex('shelf')];
const sell =
  (lock) =>
  ({ meet, shared }) => {
    const items = guarded(stock, new Int32Array(shared.buffer));
    for (let round = 0; round < 3; round++) {
      meet();
      lock.withLock(() => items[0]--);
    }
    meet();
  };
await crew(import.meta.url, { till: sell(stock), web: sell(shelf) }, { buffer: new SharedArrayBuffer(64) });
