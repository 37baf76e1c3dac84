/** One of three forgets the lock in one place. */
// expects: finding race stock
// env: GRIDWATCH_RACES=on
import { guarded, Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const stock = new Mutex('stock');
const sell =
  (forgets) =>
  ({ meet, shared }) => {
    const items = guarded(stock, new Int32Array(shared.buffer));
    meet();
    for (let sale = 0; sale < 50; sale++) stock.withLock(() => items[0]--);
    /* Whoever has a cell for itself needs no lock: by now all have touched it. */
    meet();
    if (forgets) items[0] = 100;
    for (let sale = 0; sale < 50; sale++) stock.withLock(() => items[0]--);
    meet();
  };
const parts = { till: sell(false), web: sell(false), admin: sell(true) };
await crew(import.meta.url, parts, { buffer: new SharedArrayBuffer(64) });
