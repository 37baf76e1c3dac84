// A mutex and the writer of a read-write lock.
// expects: inversion catalogue, orders
import { Mutex, RwLock } from 'gridwatch/sync';

const orders = new Mutex('orders');
const catalogue = new RwLock('catalogue');
orders.withLock(() => catalogue.withWrite(() => {}));
catalogue.withWrite(() => orders.withLock(() => {}));
