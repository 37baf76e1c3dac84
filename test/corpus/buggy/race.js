/** Two threads count without the lock. */
// expects: finding race stock
// env: GRIDWATCH_RACES=on
import { guarded, Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const stock = new Mutex('stock');
const sell = ({ meet, shared }) => {
  const items = guarded(stock, new Int32Array(shared.buffer));
  meet();
  for (let sale = 0; sale < 100; sale++) items[0]--;
  meet();
};
await crew(import.meta.url, { till: sell, web: sell }, { buffer: new SharedArrayBuffer(64) });
