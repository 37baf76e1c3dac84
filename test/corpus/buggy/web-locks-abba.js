/** Web Locks of two threads. */
// expects: deadlock customers, orders
// node: 24
import { crew } from '../crew.js';

const both =
  (first, second) =>
  async ({ meet }) => {
    /* A wait for a Web Lock does not keep a thread alive. */
    const alive = setInterval(() => {}, 1000);
    await navigator.locks.request(first, async () => {
      meet();
      await navigator.locks.request(second, () => {});
    });
    clearInterval(alive);
  };
await crew(import.meta.url, { billing: both('orders', 'customers'), support: both('customers', 'orders') });
