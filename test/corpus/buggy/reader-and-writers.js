/** Readers do not exclude each other, but one of these orders writes. */
// expects: inversion prices, stock
import { RwLock } from 'gridwatch/sync';
import { crew } from '../crew.js';

const [prices, stock] = [new RwLock('prices'), new RwLock('stock')];
await crew(import.meta.url, { sale: () => prices.withWrite(() => stock.withRead(() => {})) });
stock.withWrite(() => prices.withRead(() => {}));
