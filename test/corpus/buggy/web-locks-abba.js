// Web Locks of two threads.
// expects: deadlock customers, orders
import { crew } from '../crew.js';

const both =
  (first, second) =>
  ({ meet }) =>
    navigator.locks.request(first, async () => {
      meet();
      await navigator.locks.request(second, () => {});
    });
await crew(import.meta.url, { billing: both('orders', 'customers'), support: both('customers', 'orders') });
