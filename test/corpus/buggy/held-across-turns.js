// A blocking lock is kept until a timer fires: everything on other threads waits for an event loop.
// expects: finding held_across_turn orders
import { Mutex } from 'gridwatch/sync';
import { later } from '../crew.js';

const orders = new Mutex('orders');
const lease = orders.acquire();
await later(400);
lease.release();
