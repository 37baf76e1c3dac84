/** A mutex and the writer of a read-write lock. */
// expects: inversion catalogue, orders
import { Mutex, RwLock } from 'gridwatch/sync';
import { crew } from '../crew.js';

const orders = new Mutex('orders');
const catalogue = new RwLock('catalogue');
await crew(import.meta.url, { import: () => orders.withLock(() => catalogue.withWrite(() => {})) });
catalogue.withWrite(() => orders.withLock(() => {}));
