/** No two locks are taken in both orders, but three threads together close a circle. */
// expects: inversion cashbox, ledger, stock
import { Mutex } from 'gridwatch/sync';
import { crew } from '../crew.js';

const locks = ['stock', 'ledger', 'cashbox'].map((name) => new Mutex(name));
const part =
  (own) =>
  ({ meet }) => {
    for (let turn = 0; turn < 3; turn++) {
      if (turn === own) locks[own].withLock(() => locks[(own + 1) % 3].withLock(() => {}));
      meet();
    }
  };
await crew(import.meta.url, { main: part(0), packing: part(1), billing: part(2) });
