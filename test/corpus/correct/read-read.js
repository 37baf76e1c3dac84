/** Two read-write locks are read in both orders: readers do not exclude each other. */
// expects: nothing
import { RwLock } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [prices, stock] = [new RwLock('prices'), new RwLock('stock')];
const both = (first, second) => () => {
  for (let i = 0; i < 300; i++) first.withRead(() => second.withRead(() => {}));
};
await crew(import.meta.url, { search: both(prices, stock), report: both(stock, prices) });
