/** The main thread and two workers in a circle: everything is blocked. */
// expects: deadlock cashbox, ledger, stock
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const locks = ['stock', 'ledger', 'cashbox'].map((name) => new Mutex(name));
const part =
  (own) =>
  ({ meet }) => {
    locks[own].acquire();
    meet();
    locks[(own + 1) % 3].acquire();
  };
await crew(import.meta.url, { main: part(0), packing: part(1), billing: part(2) });
