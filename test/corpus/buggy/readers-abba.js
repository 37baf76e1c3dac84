/** Each reads one and wants to write the other. */
// expects: deadlock prices, stock
import { RwLock } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [prices, stock] = [new RwLock('prices'), new RwLock('stock')];
await crew(import.meta.url, {
  sale: ({ meet }) => prices.withRead(() => [meet(), stock.acquireWrite()]),
  intake: ({ meet }) => stock.withRead(() => [meet(), prices.acquireWrite()]),
});
