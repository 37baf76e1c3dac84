/** A thread dies with the lock while another waits. */
// expects: abandoned orders
import { Mutex } from 'gridwatch/sync';
import { crew, pause } from '../crew.js';

const orders = new Mutex('orders');
await crew(import.meta.url, {
  careless({ meet }) {
    orders.acquire();
    meet();
    /* For the other to begin its wait, which nothing here can see. */
    pause(200);
    process.exit();
  },
  heir({ meet }) {
    meet();
    orders.acquire().release();
  },
});
